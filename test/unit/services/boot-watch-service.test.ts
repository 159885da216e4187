import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GrowingTrace } from '../../../src/boot/boot-trace.ts';
import type { Node } from '../../../src/boot/node.ts';
import { makeFinding } from '../../../src/boot/verdict.ts';
import type { BootView } from '../../../src/control/boot-queries.ts';
import type { ConsoleListener } from '../../../src/control/power-commands.ts';
import type { WatchOrder } from '../../../src/control/watch-commands.ts';
import type { BootDeviceOrder } from '../../../src/ipmi/boot-device.ts';
import { IpmiError } from '../../../src/ipmi/ipmi-error.ts';
import { BootWatchService } from '../../../src/services/boot-watch-service.ts';
import type { AwaitedBoot } from '../../../src/services/boot-trace-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { MAC, nodeDraft, profileSample, UUID } from '../boot/samples.ts';

// Time is vitest's: what takes minutes takes none here.

const bmc = {
  ...{ address: '10.0.0.1', port: 623, username: 'ADMIN', password: 'secret1' },
  cipherSuite: undefined,
  kg: undefined,
  privilege: 'administrator',
} as const;

let node: Node;
let done: string[];
let isOn: boolean;
let heard: BootView[];
let powerFailure: IpmiError | undefined;
let onPower: () => void;
let lines: Record<string, unknown>[];
let shown: readonly string[];
let serial: ConsoleListener | undefined;
let consoleFailure: IpmiError | undefined;
let service: BootWatchService;
let awaited: AwaitedBoot[];
let cannotCycle: boolean;

function hear(
  phase: GrowingTrace['phase'],
  state: BootView['verdict']['state'],
  code?: 'no-boot-file',
): void {
  const trace = new GrowingTrace('t1', MAC, Date.now(), false);
  trace.phase = phase;
  const finding =
    code === undefined
      ? makeFinding('under-way', { activity: `at ${phase}` })
      : makeFinding(code, { firmware: 'uefi-x64' });
  heard = [{ trace, verdict: { state, finding, notices: [] } }];
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  node = { ...nodeDraft({ bmc }), generation: 1, managedBy: undefined, bootMode: 'uefi' };
  [done, isOn, heard, powerFailure, onPower, lines] = [[], false, [], undefined, () => undefined, []];
  [shown, serial, consoleFailure, awaited] = [[], undefined, undefined, []];
  cannotCycle = false;
  const ordered = (what: string): Promise<void> => {
    if (powerFailure !== undefined) return Promise.reject(powerFailure);
    done.push(what);
    return Promise.resolve();
  };
  service = new BootWatchService({
    settings: { firstRequestMs: 60_000, bootMs: 300_000, attempts: 2 },
    nodes: { nodeByUuid: (uuid) => (uuid === UUID ? { node, profile: profileSample() } : undefined) },
    power: {
      status: () => Promise.resolve({ power: isOn ? 'on' : 'off' } as never),
      control: async (_uuid, action) => {
        if (action === 'cycle' && cannotCycle) throw new IpmiError('refused', 'not known', 0xcc);
        await ordered(action);
        isOn = action !== 'off';
        onPower();
      },
      setBootDevice: (_uuid, { device, uefi }: BootDeviceOrder) =>
        ordered(`${device} ${uefi ? 'uefi' : 'bios'}`),
      console: async (_uuid, _takeOver, listener) => {
        if (consoleFailure !== undefined) throw consoleFailure;
        await ordered('console');
        serial = listener;
        return { type: () => undefined, close: () => ordered('console closed') };
      },
    },
    boots: {
      list: () => heard,
      awaitBoot(boot) {
        awaited.push(boot);
        return `awaited${awaited.length}`;
      },
      showConsole: (_macs, _since, lines) => void (shown = lines),
    },
    clock: { now: () => Date.now(), monotonic: () => Date.now() },
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics: createMetrics(),
  });
});

afterEach(async () => {
  await service.stop();
  vi.useRealTimers();
});

const order: WatchOrder = { uefi: undefined, evenIfManaged: false, console: false, patience: {} };

describe('a boot that is watched', () => {
  it('is told to boot from the network, switched on, and followed to its ramdisk', async () => {
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(done).toEqual(['pxe uefi', 'on']);
    expect(service.watch(UUID)).toMatchObject({
      state: 'under-way',
      sentence: expect.stringContaining('not been heard') as string,
      boot: 'awaited1',
    });
    expect(awaited).toEqual([
      {
        ...{ macs: node.ports.map(({ address }) => address), since: Date.UTC(2026, 0, 1), action: 'on' },
        ...{ attempt: 1, attempts: 2, patienceMs: 60_000 },
      },
    ]);
    hear('kernel', 'under-way');
    await vi.advanceTimersByTimeAsync(2000);
    expect(service.watch(UUID)).toMatchObject({ state: 'under-way', boot: 't1' });
    hear('ramdisk', 'under-way');
    await vi.advanceTimersByTimeAsync(2000);
    expect(service.watch(UUID)).toMatchObject({
      state: 'booted',
      attempt: 1,
      failures: [],
      sentence: 'has its ramdisk',
    });
    expect(lines.map(({ event }) => event)).toEqual(['watch.boot.started', 'watch.boot.ended']);
  });

  it('is tried again when nobody is heard, and then says so', async () => {
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(125_000);
    expect(done).toEqual(['pxe uefi', 'on', 'pxe uefi', 'cycle']);
    const view = service.watch(UUID);
    expect(view).toMatchObject({ state: 'failed', attempt: 2, boot: 'awaited2' });
    expect(view?.sentence).toMatch(
      new RegExp(`^no DISCOVER from any port of the node \\(${MAC}.*\\) within 6\\d s`),
    );
    expect(view?.failures.map(({ code }) => code)).toEqual(['no-discover', 'no-discover']);
    expect(lines.map(({ event }) => event)).toEqual([
      'watch.boot.started',
      'watch.boot.retried',
      'watch.boot.failed',
    ]);
    expect(awaited.map(({ action, attempt }) => [action, attempt])).toEqual([
      ['on', 1],
      ['cycle', 2],
    ]);
  });

  it('is not waited for by what it is awaited in alone', async () => {
    onPower = () => {
      const trace = new GrowingTrace(`t${done.length}`, MAC, Date.now(), false);
      trace.recordPower({ action: 'on', attempt: 1, attempts: 2, patienceMs: 60_000 }, Date.now());
      const finding = makeFinding('under-way', { activity: 'was switched on' });
      heard = [{ trace, verdict: { state: 'under-way', finding, notices: [] } }];
    };
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(125_000);
    expect(service.watch(UUID)).toMatchObject({
      ...{ state: 'failed', boot: 't4' },
      failures: [{ code: 'no-discover' }, { code: 'no-discover' }],
    });
  });

  it('is waited for as the order says, where it says more than the configuration', async () => {
    const patience = { attempts: 1, firstRequestMs: 5000 };
    service.begin(UUID, { ...order, patience });
    await vi.advanceTimersByTimeAsync(6500);
    expect(service.watch(UUID)).toMatchObject({ state: 'failed', attempt: 1, attempts: 1 });
    // A boot that may take 20 s in all is not waited for 60 s.
    service.begin(UUID, { ...order, patience: { attempts: 1, bootMs: 20_000 } });
    await vi.advanceTimersByTimeAsync(22_000);
    expect(service.watch(UUID)).toMatchObject({ state: 'failed', failures: [{ code: 'no-discover' }] });
  });

  it('is tried again when it is stuck, by the diagnosis of its trace, and succeeds then', async () => {
    onPower = () => hear('boot-file', 'stuck', 'no-boot-file');
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(service.watch(UUID)?.attempt).toBe(1);
    onPower = () => hear('ramdisk', 'under-way');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(service.watch(UUID)).toMatchObject({
      state: 'booted',
      attempt: 2,
      failures: [{ code: 'no-boot-file' }],
    });
  });

  it('is switched off and on again by a BMC that knows no power cycle', async () => {
    [isOn, cannotCycle] = [true, true];
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(3000);
    expect(done).toEqual(['pxe uefi', 'off', 'on']);
    expect(awaited).toMatchObject([{ action: 'cycle' }]);
  });

  it('is not taken for the boot before', async () => {
    hear('system', 'done');
    await vi.advanceTimersByTimeAsync(10_000);
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(5000);
    expect(service.watch(UUID)?.state).toBe('under-way');
  });

  it('has an end, however slowly it goes on', async () => {
    onPower = () => hear('loader', 'under-way');
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(601_000 + 5000);
    expect(service.watch(UUID)).toMatchObject({
      state: 'failed',
      failures: [{ code: 'too-slow' }, { code: 'too-slow' }],
    });
  });

  it('fails when the BMC does, after another try', async () => {
    powerFailure = new IpmiError('wrong-password', 'the password is wrong');
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(6000);
    expect(service.watch(UUID)).toMatchObject({
      state: 'failed',
      sentence: 'cannot be switched on: the password is wrong',
      failures: [{ code: 'power-failed' }, { code: 'power-failed' }],
    });
  });

  it('has its console read along from before it is on until long after its kernel', async () => {
    onPower = () => hear('ramdisk', 'under-way');
    service.begin(UUID, { ...order, console: true });
    await vi.advanceTimersByTimeAsync(5000);
    expect(done).toEqual(['pxe uefi', 'console', 'on']);
    expect(service.watch(UUID)?.state).toBe('booted');
    serial?.onOutput(Buffer.from('[    9.1] Kernel panic - not syncing\r\n[    9.2] ---['));
    await vi.advanceTimersByTimeAsync(1000);
    expect(shown).toEqual(['[    9.1] Kernel panic - not syncing', '[    9.2] ---[']);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(done.at(-1)).toBe('console closed');
  });

  it('gives each attempt a console of its own, and the serial port back in the end', async () => {
    service.begin(UUID, { ...order, console: true });
    await vi.advanceTimersByTimeAsync(60_500);
    serial?.onOutput(Buffer.from('of the second'));
    await vi.advanceTimersByTimeAsync(70_000);
    expect(done).toEqual([
      ...['pxe uefi', 'console', 'on', 'pxe uefi', 'console closed', 'console', 'cycle', 'console closed'],
    ]);
  });

  it('boots without a console that the BMC does not give', async () => {
    consoleFailure = new IpmiError('refused', 'serial over LAN is off');
    onPower = () => hear('ramdisk', 'under-way');
    service.begin(UUID, { ...order, console: true });
    await vi.advanceTimersByTimeAsync(5000);
    expect(service.watch(UUID)?.state).toBe('booted');
  });

  it('can be left alone', async () => {
    service.begin(UUID, order);
    await vi.advanceTimersByTimeAsync(3000);
    service.cancel(UUID);
    await vi.advanceTimersByTimeAsync(0);
    expect(service.watch(UUID)).toMatchObject({ state: 'cancelled', failures: [] });
    await vi.advanceTimersByTimeAsync(200_000);
    expect(done).toEqual(['pxe uefi', 'on']);
  });
});

describe('what is not begun', () => {
  const problem = (code: string): unknown => expect.objectContaining({ code });

  it('a boot of a node that Ironic manages, unless it is said outright', async () => {
    node = { ...node, managedBy: 'ironic' };
    expect(() => service.begin(UUID, order)).toThrow(problem('managed-elsewhere'));
    expect(done).toEqual([]);
    service.begin(UUID, { ...order, evenIfManaged: true });
    await vi.advanceTimersByTimeAsync(1000);
    expect(done).toEqual(['pxe uefi', 'on']);
  });

  it('a second one beside the first, or one without a BMC', () => {
    service.begin(UUID, order);
    expect(() => service.begin(UUID, order)).toThrow(problem('boot-under-way'));
    service.cancel(UUID);
    node = { ...node, bmc: undefined };
    expect(() => service.begin(UUID, order)).toThrow(problem('no-bmc'));
  });
});
