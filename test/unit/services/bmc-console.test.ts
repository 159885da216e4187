import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Bmc } from '../../../src/boot/node.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleEscape } from '../../../src/cli/console-escape.ts';
import type { ControlParts } from '../../../src/control/http-server.ts';
import type { OpenConsole } from '../../../src/control/power-commands.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { POWER_DEFAULTS } from '../../../src/ipmi/power-settings.ts';
import { openBmcConsole } from '../../../src/services/bmc-console.ts';
import { BmcConnection } from '../../../src/services/bmc-connection.ts';
import { targetOf } from '../../../src/services/bmc-target.ts';
import { ControlService } from '../../../src/services/control-service.ts';
import { PowerService } from '../../../src/services/power-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { TestBmc } from '../../lab/bmc/test-bmc.ts';
import { nodeSample, UUID } from '../boot/samples.ts';
import { run } from '../cli/run.ts';
import { NO_WATCHES } from '../control/api.ts';

const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');
const BOOT_TEXT = Array.from(
  { length: 60 },
  (_, line) => `[    ${line}.000000] line ${line} of a kernel\r\n`,
).join('');

let bmc: TestBmc;
let printed: string;
let endings: string[];

beforeEach(async () => {
  bmc = await TestBmc.start();
  [printed, endings] = ['', []];
});
afterEach(() => bmc.stop());

const bmcOf = ({ port }: TestBmc): Bmc => ({
  ...{ address: '127.0.0.1', port, username: 'admin', password: 'secret' },
  ...{ cipherSuite: undefined, kg: undefined },
  privilege: 'administrator',
});

async function open(takeOver = false): Promise<OpenConsole> {
  const parts = { retries: { attempts: 5, firstTimeoutMs: 50 }, clock: systemClock };
  return openBmcConsole(await BmcConnection.open(targetOf(bmcOf(bmc)), parts), systemClock, takeOver, {
    onOutput: (octets) => (printed += text(octets)),
    onEnd: (error) => endings.push(error.message),
  });
}

describe('serial over LAN', () => {
  it.each([
    ['a good wire', {}],
    ['a wire that loses packets', { loseEvery: 4 }],
    ['a wire that doubles packets', { doubleEvery: 2 }],
    ['a wire on which packets are late', { lateEvery: { every: 3, ms: 150 } }],
  ])('shows every character once and in order, and types every one, on %s', async (_what, faults) => {
    const console = await open();
    bmc.faults = faults;
    bmc.print(BOOT_TEXT);
    console.type(Buffer.from('root\r'));
    await expect.poll(() => printed, { timeout: 30_000 }).toBe(BOOT_TEXT);
    console.type(Buffer.from('reboot -f\r'));
    await expect.poll(() => bmc.typed, { timeout: 10_000 }).toBe('root\rreboot -f\r');
    bmc.faults = {};
    await console.close();
    expect(endings).toEqual([]);
    await expect.poll(() => bmc.sessionCount).toBe(0);
  });

  it('belongs to one console at a time, until another takes it over', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('in use by another console') as string,
    });
    const second = await open(true);
    bmc.print('hello');
    await expect.poll(() => printed).toBe('hello');
    await second.close();
    await first.close();
  });

  it('says when the controller ends it', async () => {
    await open();
    bmc.endSerial();
    await expect.poll(() => endings).toEqual(['the controller ended serial over LAN']);
  });
});

describe('bootd console', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bootd-console-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Types a line at the prompt, and the escape once the machine has answered. */
  function terminal() {
    let onTyped: (octets: Uint8Array) => void = () => undefined;
    return {
      write(octets: Uint8Array) {
        printed += text(octets);
        if (printed.endsWith('login: ')) onTyped(Buffer.from('root\r'));
        if (printed.endsWith('# ')) onTyped(Buffer.from('~.'));
      },
      readKeys(keys: { onTyped(octets: Uint8Array): void }) {
        onTyped = (octets) => keys.onTyped(octets);
        bmc.print('login: ');
        const timer = setInterval(() => {
          if (bmc.typed !== 'root\r') return;
          clearInterval(timer);
          bmc.print('\r\n# ');
        }, 10);
        return () => clearInterval(timer);
      },
    };
  }

  it('shows and types, through the daemon, until the escape', async () => {
    const logger = pino({ level: 'silent' });
    const metrics = createMetrics();
    const node = nodeSample({ bmc: bmcOf(bmc) });
    const nodes = { listNodes: () => [node], node: () => node } as never;
    const power = new PowerService({ settings: POWER_DEFAULTS, nodes, clock: systemClock, logger, metrics });
    const socket = join(folder, 'control.sock');
    const service = new ControlService({
      control: { socket, group: 'nobody' },
      http: undefined,
      api: {
        // What a console has nothing to do with.
        ...({ leases: undefined, probes: {}, boots: {}, images: {}, events: {} } as unknown as ControlParts),
        ...{ nodes, power, watches: NO_WATCHES, health: { checks: () => [] }, metrics, logger, version: '0' },
      },
    });
    await service.start();
    try {
      const { code } = await run(['console', UUID, '--socket', socket], {}, terminal());
      expect([code, printed, bmc.typed]).toEqual([0, 'login: \r\n# ', 'root\r']);
      await expect.poll(() => bmc.sessionCount).toBe(0);
    } finally {
      await service.stop();
      await power.stop();
    }
  });

  it('reaches a machine that is no node', async () => {
    writeFileSync(join(folder, 'password'), 'secret');
    const words = ['--host', '127.0.0.1', '--port', String(bmc.port), '--user', 'admin'];
    const secret = ['--password-file', join(folder, 'password')];
    const { code } = await run(['console', ...words, ...secret], {}, terminal());
    expect([code, printed]).toEqual([0, 'login: \r\n# ']);
  });
});

describe('the escape', () => {
  it.each([
    ['~.', '<leave>'],
    ['ls\r~.', 'ls\r<leave>'],
    ['ls ~.', 'ls ~.'],
    ['~~.', '~.'],
    ['~a', '~a'],
    ['\r~', '\r'],
  ])('in %j comes to %j', (typed, meaning) => {
    const escape = new ConsoleEscape();
    const keys = Array.from(typed).flatMap((character) => escape.read(Buffer.from(character)));
    expect(keys.map((key) => (key.kind === 'leave' ? '<leave>' : text(key.characters))).join('')).toBe(
      meaning,
    );
  });
});
