import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/io/clock.ts';
import type { UdpDatagram } from '../../../src/io/ethernet-frame.ts';
import { readNetworkInterface, type NetworkInterface } from '../../../src/io/network-interfaces.ts';
import { DATAGRAMS_PER_TURN } from '../../../src/io/wire-capture.ts';
import type { FileInquiry } from '../../../src/services/file-inquiry.ts';
import { ObservationService } from '../../../src/services/observation-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { encodeTftpError, encodeTftpRequest } from '../../../src/wire/tftp/tftp-packet.ts';
import { ip } from '../dhcp/fake-view.ts';

vi.mock(import('../../../src/io/network-interfaces.ts'), async (actual) => ({
  ...(await actual()),
  readNetworkInterface: vi.fn(),
}));

const WIRE: NetworkInterface = {
  name: 'br-prov',
  index: 7,
  mac: undefined,
  addresses: [],
  mtu: 1500,
  link: 'up',
  loopback: false,
  ethernet: true,
};
const SERVER = ip('192.168.0.1');
const CLIENT = ip('192.168.0.130');

/** What passes next, a call of `take` after the other. */
let passing: () => readonly UdpDatagram[];
let takes: number;
let asked: number;
let answer: () => Promise<void>;
let service: ObservationService;

beforeEach(() => {
  vi.mocked(readNetworkInterface).mockReturnValue(WIRE);
  takes = 0;
  asked = 0;
  passing = () => [];
  answer = () => Promise.resolve();
  const inquiry: Pick<FileInquiry, 'load' | 'ask'> = {
    load: () => Promise.resolve(),
    ask: async () => {
      asked += 1;
      await answer();
      return { answer: { kind: 'silent' }, wasCollapsed: false };
    },
  };
  service = new ObservationService({
    interfaces: [WIRE.name],
    dhcp: undefined,
    files: { inquiry: inquiry as FileInquiry, port: 69 },
    macOfAddress: () => undefined,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    metrics: createMetrics('services'),
    openCapture: () => ({
      kind: 'available',
      capture: {
        take: () => {
          takes += 1;
          return passing();
        },
        takeLost: () => 0,
        close: () => undefined,
      },
    }),
  });
});

afterEach(async () => {
  passing = () => [];
  await service.stop();
  vi.useRealTimers();
});

/** A file that is asked for and refused. */
function refusal(port: number): readonly UdpDatagram[] {
  const payload = encodeTftpRequest({ direction: 'read', name: 'x', mode: 'octet', options: [] });
  return [
    { source: CLIENT, sourcePort: port, destination: SERVER, destinationPort: 69, payload },
    {
      source: SERVER,
      sourcePort: 1069,
      destination: CLIENT,
      destinationPort: port,
      payload: encodeTftpError(1, 'File not found'),
    },
  ];
}

it('a flood on the wire is looked at in turns, between which everybody else has one', async () => {
  const flood = Array<UdpDatagram>(DATAGRAMS_PER_TURN).fill({
    source: CLIENT,
    sourcePort: 1,
    destination: SERVER,
    destinationPort: 2,
    payload: new Uint8Array(4),
  });
  passing = () => flood;
  await service.start();
  // A look every twenty milliseconds; each of them finds more than it may take.
  await sleep(500);
  let most = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    const before = takes;
    await nextTurn();
    most = Math.max(most, takes - before);
  }
  expect(most).toBeLessThanOrEqual(3);
});

it('files that are asked for faster than they can be looked up do not fill the memory, and are counted', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  answer = () => gate;
  let port = 1000;
  passing = () =>
    port >= 21_000 ? [] : Array.from({ length: DATAGRAMS_PER_TURN / 2 }, () => refusal((port += 1))).flat();
  await service.start();
  await vi.waitFor(() => expect(port).toBeGreaterThanOrEqual(21_000), { timeout: 20_000 });
  release();
  await service.stop();
  expect(asked).toBeLessThanOrEqual(5000);
  expect(service.report().compared).toBe(asked);
  expect(asked + service.report().unpaired).toBe(port - 1000);
});

it('it goes on when no file descriptor is left to look at an interface with', async () => {
  await service.start();
  vi.mocked(readNetworkInterface).mockImplementation(() => {
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  });
  const before = vi.mocked(readNetworkInterface).mock.calls.length;
  await vi.waitFor(() => expect(vi.mocked(readNetworkInterface).mock.calls.length).toBeGreaterThan(before), {
    timeout: 10_000,
  });
  const since = takes;
  await vi.waitFor(() => expect(takes).toBeGreaterThan(since));
  expect(service.problems).toEqual([]);
});
