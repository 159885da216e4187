import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ControlClient } from '../../src/cli/control-client.ts';
import { startIpmiSim } from '../lab/bmc/ipmi-sim.ts';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess } from '../lab/processes.ts';
import { run, type Run } from '../unit/cli/run.ts';

// Serial over LAN of OpenIPMI's ipmi_sim, behind which a TCP port is the machine's serial port.

const able = needs('ipmi');
const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const UUID = '5a8f3d57-55ab-4d0c-9b07-3bb18f01ea55';
const PATIENCE_MS = 60_000;
const bmcPort = 39_623 + (process.pid % 10_000);

/** A serial port that prints a numbered line now and then, as long as somebody is connected. */
class SerialPort {
  typed = '';
  readonly #server: Server;
  readonly #lines = new Set<Socket>();
  readonly #printing: NodeJS.Timeout;
  #count = 0;

  constructor() {
    this.#server = createServer((line) => {
      this.#lines.add(line);
      line.on('data', (octets) => (this.typed += octets.toString('latin1')));
      line.on('error', () => undefined);
      line.on('close', () => this.#lines.delete(line));
    });
    this.#printing = setInterval(() => {
      this.#count += 1;
      for (const line of this.#lines) line.write(`memory bank ${this.#count} tested\r\n`);
    }, 300);
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    clearInterval(this.#printing);
    for (const line of this.#lines) line.destroy();
    this.#server.close();
  }
}

let folder: string;
let socket: string;
let serial: SerialPort;
let simulator: BackgroundProcess | undefined;
let daemon: BackgroundProcess | undefined;

const direct = (...words: string[]): readonly string[] => [
  ...words,
  ...['--host', '127.0.0.1', '--port', String(bmcPort)],
  ...['--user', 'admin', '--password-file', join(folder, 'password')],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootd-console-'));
  socket = join(folder, 'control.sock');
  serial = new SerialPort();
  if (!able) return;
  await writeFile(join(folder, 'password'), 'secret\n');
  simulator = await startIpmiSim({
    folder,
    port: bmcPort,
    serialPort: await serial.listen(),
    isThere: async () => (await run(direct('power', 'status'))).code === 0,
  });
  const file = join(folder, 'bootd.yaml');
  await writeFile(file, stringify({ 'state-directory': join(folder, 'bootd'), control: { socket } }));
  daemon = BackgroundProcess.start('bootd', process.execPath, [PROGRAM, 'serve', '--config', file]);
  await daemon.waitForLine(/"daemon\.ready"/, PATIENCE_MS);
  await new ControlClient(socket).put(`/v1/nodes/${UUID}`, {
    name: 'bm1',
    ports: [{ address: '52:54:00:b0:0b:09' }],
    bmc: { address: '127.0.0.1', port: bmcPort, username: 'admin', password: 'secret' },
  });
});
afterAll(async () => {
  await daemon?.stop();
  await simulator?.stop();
  serial.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a console: types as soon as the machine prints, waits for that to arrive, and leaves by `~.`. */
async function converse(words: readonly string[], text: string): Promise<Run> {
  let type: (octets: Uint8Array) => void = () => undefined;
  let shown = '';
  const before = serial.typed.length;
  const ended = run(
    words,
    {},
    {
      write: (octets) => (shown += Buffer.from(octets).toString('latin1')),
      readKeys: (keys) => {
        type = (octets) => keys.onTyped(octets);
        return () => undefined;
      },
    },
  );
  await expect.poll(() => shown, { timeout: PATIENCE_MS }).toMatch(/memory bank \d+ tested\r\n/);
  type(Buffer.from(`${text}\r`));
  await expect.poll(() => serial.typed.slice(before), { timeout: PATIENCE_MS }).toBe(`${text}\r`);
  type(Buffer.from('~.'));
  return ended;
}

describe("the serial console of OpenIPMI's ipmi_sim", () => {
  it('is shown and typed on, of a machine that is no node', async () => {
    expect(await converse(direct('console'), 'root')).toMatchObject({ code: 0, err: 'connected; ~. leaves' });
  });

  it('is shown and typed on by way of the daemon, and free again afterwards', async () => {
    const words = ['console', 'bm1', '--socket', socket];
    expect(await converse(words, 'uname -a')).toMatchObject({ code: 0 });
    expect(await converse(words, 'poweroff')).toMatchObject({ code: 0 });
  });

  it('is read along while a boot is watched, and stands in its trace though nobody was heard', async () => {
    const before = serial.typed.length;
    const patience = ['--attempts', '1', '--first-request', '5'];
    const started = run(
      ['boot', 'start', 'bm1', '--console', ...patience, '--socket', socket],
      {},
      { decorated: false },
    );
    const { code, out } = await started;
    expect(code).toBe(1);
    expect(out).toMatch(
      /^FAILED after one start: no DISCOVER from any port of the node \(52:54:00:b0:0b:09\)/m,
    );
    expect(out).toMatch(/^ {2}\| memory bank \d+ tested$/m);
    const shown = await run(['boot', 'show', 'bm1', '--socket', socket]);
    expect(shown.out).toMatch(/^verdict: +no DISCOVER from any port of the node .* \[no-discover\]$/m);
    expect(shown.out).toMatch(/ bmc {3}switched on, start 1 of 1$/m);
    expect(shown.out).toMatch(/^the last lines of its console:\n(?: {2}\| memory bank \d+ tested\n?)+$/m);
    // Nothing is typed, and nothing that is a secret is told to anybody.
    expect(serial.typed.length).toBe(before);
    const told = [...(daemon?.lines ?? []), out, shown.out].join('\n');
    expect(told).toContain('watch.boot.failed');
    expect(told).not.toContain('secret');
  });
});
