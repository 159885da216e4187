import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startIpmiSim } from '../lab/bmc/ipmi-sim.ts';
import { TestBmc } from '../lab/bmc/test-bmc.ts';
import { needs } from '../lab/needs.ts';
import { run as runTool, type BackgroundProcess } from '../lab/processes.ts';
import { run, type Run } from '../unit/cli/run.ts';

// The project's client and its test BMC, each against somebody else's: ipmitool, and OpenIPMI's ipmi_sim.

const able = needs('ipmi');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootd-ipmi-'));
  await writeFile(join(folder, 'password'), 'secret\n');
  await writeFile(join(folder, 'wrong'), 'Secret\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function bootd(port: number, words: readonly string[], user = 'admin', password = 'password'): Promise<Run> {
  const login = ['--user', user, '--password-file', join(folder, password)];
  return run([...words, '--host', '127.0.0.1', '--port', String(port), ...login]);
}

describe('ipmitool and bootd ask a BMC for the same', () => {
  let bmc: TestBmc;
  beforeEach(async () => {
    bmc = await TestBmc.start();
  });
  afterEach(() => bmc.stop());

  const ipmitool = (words: readonly string[], suite: string): Promise<string> =>
    runTool('ipmitool', [
      ...['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(bmc.port), '-U', 'admin', '-P', 'secret'],
      ...['-C', suite, ...words],
    ]);

  it.each([
    ['power status', 'power status'],
    ['power on', 'power on'],
    ['power off', 'power off'],
    ['power cycle', 'power cycle'],
    ['power reset', 'power reset'],
    ['power soft', 'power soft'],
    ['bootdev pxe', 'chassis bootdev pxe'],
    ['bootdev pxe --uefi', 'chassis bootdev pxe options=efiboot'],
    ['bootdev disk --uefi --persistent', 'chassis bootdev disk options=persistent,efiboot'],
    ['bootdev cdrom', 'chassis bootdev cdrom'],
    ['bootdev bios', 'chassis bootdev bios'],
    ['bootdev safe', 'chassis bootdev safe'],
    ['bootdev diagnostic', 'chassis bootdev diag'],
    ['bootdev floppy', 'chassis bootdev floppy'],
    ['bootdev none', 'chassis bootdev none'],
    ['bootdev show', 'chassis bootparam get 5'],
    ['bmc identify 0', 'chassis identify 0'],
    ['bmc identify 9', 'chassis identify 9'],
    ['bmc identify forever', 'chassis identify force'],
    ['bmc raw 0x0a 0x40', 'raw 0x0a 0x40'],
    ['bmc sel', 'sel list'],
    ['bmc sensors', 'sdr list'],
  ])('bootd %s, ipmitool %s', async (ours, theirs) => {
    bmc.machine.power = 'on';
    await ipmitool(theirs.split(' '), '17');
    const asked = bmc.commandLog();
    bmc.requests.length = 0;
    bmc.machine.power = 'on';
    expect(await bootd(bmc.port, ours.split(' '))).toMatchObject({ code: 0 });
    const logged = bmc.commandLog();
    // What ipmitool logs for `sdr list` is in which order and size it likes; the sensors read are what counts.
    if (ours === 'bmc sensors') {
      const readings = (log: readonly string[]) => log.filter((line) => line.startsWith('4/45'));
      expect(readings(logged)).toEqual(readings(asked));
    } else expect(logged).toEqual(asked);
    expect(logged.length).toBeGreaterThan(0);
  });

  it.each(['3', '17'])('and each works with the other`s half under cipher suite %s', async (suite) => {
    await ipmitool(['power', 'on'], suite);
    expect(bmc.machine.power).toBe('on');
    expect(bmc.events).toEqual([`opened admin ${suite}`]);
    expect((await bootd(bmc.port, ['power', 'status', '--cipher-suite', suite])).out).toMatch(
      /^power: +on$/m,
    );
    expect(bmc.events).toEqual([`opened admin ${suite}`, `opened admin ${suite}`]);
  });
});

describe("against OpenIPMI's ipmi_sim", () => {
  const port = 19_623 + (process.pid % 10_000);
  let simulator: BackgroundProcess | undefined;

  beforeAll(async () => {
    if (!able) return;
    simulator = await startIpmiSim({
      folder,
      port,
      isThere: async () => (await bootd(port, ['power', 'status'])).code === 0,
    });
  });
  afterAll(() => simulator?.stop());

  it('power, boot device, identify, information and event log', async () => {
    expect((await bootd(port, ['power', 'status'])).out).toMatch(/^power: +off$/m);
    expect((await bootd(port, ['bootdev', 'pxe', '--uefi'])).code).toBe(0);
    expect((await bootd(port, ['bootdev', 'show'])).out).toMatch(/^device: +pxe$/m);
    expect((await bootd(port, ['power', 'on'])).code).toBe(0);
    expect((await bootd(port, ['power', 'status'])).out).toMatch(/^power: +on$/m);
    expect((await bootd(port, ['bmc', 'identify', '5'])).code).toBe(0);
    expect((await bootd(port, ['bmc', 'info'])).out).toMatch(/^manufacturer id: +4753$/m);
    expect((await bootd(port, ['bmc', 'sel'])).out).toBe('No entries.');
    expect((await bootd(port, ['bmc', 'raw', '6', '1'])).out).toContain('done (completion code 0x00)');
  });

  it('is pinged: it speaks RMCP+ and says what it takes', async () => {
    const { code, out } = await run(['bmc', 'ping', '--host', '127.0.0.1', '--port', String(port)]);
    expect(code).toBe(0);
    expect(out).toMatch(/^presence ping: +answered in [\d.]+ ms$/m);
    expect(out).toMatch(/^speaks: +IPMI 1.5, IPMI 2.0$/m);
    expect(out).toMatch(/^bootd takes: +3$/m);
  });

  it.each([
    ['an unknown user', 'nobody', 'password', [], 'wrong-username'],
    ['a wrong password', 'admin', 'wrong', [], 'wrong-password'],
    ['a suite that it refuses', 'admin', 'password', ['--cipher-suite', '17'], 'unsupported-suite'],
  ])('%s has an error of its own', async (_what, user, password, more, code) => {
    const { code: exit, err } = await bootd(port, ['power', 'status', ...more], user, password);
    expect(exit).toBe(1);
    expect(err).toMatch(new RegExp(`\\(${code}\\)$`));
  });
});
