import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestBmc } from '../../lab/bmc/test-bmc.ts';
import { FakeControl } from './fake-control.ts';
import { run, type Run } from './run.ts';

const UUID = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123';

describe('a machine that is no node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootd-power-'));
  const passwordFile = join(folder, 'password');
  let bmc: TestBmc;

  beforeEach(async () => {
    writeFileSync(passwordFile, 'secret\n');
    bmc = await TestBmc.start();
  });
  afterEach(() => bmc.stop());
  afterAll(() => rmSync(folder, { recursive: true }));

  const power = (...words: string[]): Promise<Run> =>
    run([
      ...words,
      ...[
        '--host',
        '127.0.0.1',
        '--port',
        String(bmc.port),
        '--user',
        'admin',
        '--password-file',
        passwordFile,
      ],
    ]);

  it('is told what to boot, switched on and asked', async () => {
    expect(await power('power', 'status')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^power: +off$/m) as string,
    });
    expect((await power('bootdev', 'pxe', '--uefi', '--persistent')).out).toBe(
      'the machine boots from pxe from now on',
    );
    expect((await power('bootdev', 'show', '--json')).out).toContain('"device": "pxe"');
    expect((await power('power', 'on')).out).toBe('the BMC took it: power on');
    expect(bmc.machine.lastBoot).toEqual({ valid: true, persistent: true, uefi: true, device: 1 });
    expect(JSON.parse((await power('power', 'status', '--json')).out)).toMatchObject({ state: 'on' });
    await expect.poll(() => bmc.sessionCount).toBe(0);
  });

  it('shows its event log, its sensors and itself', async () => {
    expect((await power('bmc', 'sel')).out).toMatch(
      /1 +2026-01-01T00:00:00.000Z +boot error 0x51 +PXE server/,
    );
    expect((await power('bmc', 'sensors')).out).toMatch(/^12V +voltage +12 V +-$/m);
    expect((await power('bmc', 'info')).out).toMatch(/^firmware: +2.83$/m);
    expect((await power('bmc', 'identify', 'forever')).out).toBe('it shows itself');
    expect((await power('bmc', 'raw', '0x00', '1')).out).toMatch(/^data: +401040$/m);
  });

  it('is pinged without a user', async () => {
    const ping = (...more: string[]): Promise<Run> =>
      run(['bmc', 'ping', '--host', '127.0.0.1', '--port', String(bmc.port), ...more]);
    const { code, out } = await ping();
    expect(code).toBe(0);
    expect(out).toMatch(/^presence ping: +answered in [\d.]+ ms$/m);
    expect(out).toMatch(/^speaks: +IPMI 1.5, IPMI 2.0$/m);
    expect(out).toMatch(/^cipher suites: +3, 17\nbootd takes: +17$/m);
    expect(JSON.parse((await ping('--json')).out)).toMatchObject({
      pong: { ipmi: true, asf: true, dash: false },
      ipmi: { versions: ['1.5', '2.0'], cipher_suites: [3, 17], chosen_suite: 17, kg_set: false },
    });
    expect(bmc.events).toEqual([]);
  });

  it('is pinged where it speaks IPMI 1.5 only, and where nobody is', async () => {
    const old = await TestBmc.start({ onlyIpmi15: true, ignoresPings: true });
    const ping = (port: number): Promise<Run> =>
      run(['bmc', 'ping', '--host', '127.0.0.1', '--port', String(port)]);
    const { code, out } = await ping(old.port);
    expect(code).toBe(0);
    expect(out).toMatch(/^presence ping: +no answer/m);
    expect(out).toMatch(/^RMCP\+ \(IPMI 2.0\): +no, and bootd needs it$/m);
    const { port } = old;
    await old.stop();
    expect(await ping(port)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/\(unreachable\)$/) as string,
    });
  });

  it('says what is wrong, by a code, and never the password', async () => {
    writeFileSync(passwordFile, 'hunter2\n');
    const wrong = await power('power', 'status');
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toMatch(/^bootd: the password is wrong.*\(wrong-password\)$/);
    expect(wrong.err).not.toContain('hunter2');
  });

  it.each([
    [['power', 'on'], /say which node is meant/],
    [['power', 'on', '--host', 'x'], /--host wants --user and --password-file/],
    [['power', 'on', 'bm1', '--host', 'x'], /cannot stand together/],
    [['bmc', 'ping'], /say which node is meant/],
    [['bmc', 'ping', 'bm1', '--host', 'x'], /cannot stand together/],
    [['bmc', 'raw', 'bm1', '6'], /network function and the command/],
    [['bmc', 'raw', 'bm1', '6', '300'], /is no octet/],
    [['bootdev', 'nowhere', 'bm1'], /Allowed choices are show, none, pxe/],
    [['bmc', 'identify', '300', 'bm1'], /0 to 255, or forever/],
    [['power', 'on', '--cipher-suite', '8'], /bootd has 0, 1, 2, 3/],
    [['power', 'on', '--port', '0'], /is no port/],
  ])('is not tried with %j', async (words, message) => {
    const { code, err } = await run(words);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

describe('a node', () => {
  let control: FakeControl;
  beforeAll(async () => {
    control = await FakeControl.start();
  });
  afterAll(() => control.stop());

  const node = (...words: string[]): Promise<Run> => run([...words, UUID, '--socket', control.socket]);

  it('is asked through the daemon, which knows the password', async () => {
    control.answers({
      [`GET /v1/nodes/${UUID}/power`]: { body: { state: 'on', restore_policy: 'previous', faults: [] } },
      [`POST /v1/nodes/${UUID}/power`]: { body: { action: 'cycle' } },
      [`PUT /v1/nodes/${UUID}/boot-device`]: { body: {} },
      [`GET /v1/nodes/${UUID}/bmc/sel`]: { body: { entries: [] } },
      [`GET /v1/nodes/${UUID}/bmc/ping`]: {
        body: { pong: null, ipmi: { versions: ['2.0'], cipher_suites: [] } },
      },
    });
    expect((await node('power', 'status')).out).toMatch(/^power: +on$/m);
    expect((await node('power', 'cycle')).code).toBe(0);
    expect((await node('bootdev', 'disk', '--no-expiry')).out).toBe('the machine boots from disk next');
    expect((await node('bmc', 'sel')).out).toBe('No entries.');
    expect((await node('bmc', 'ping')).out).toContain('not listed; bootd tries 17, then 3');
    expect(control.calls.map(({ method, body }) => [method, body])).toEqual([
      ['GET', undefined],
      ['POST', { action: 'cycle' }],
      ['PUT', { device: 'disk', uefi: false, persistent: false, expires: false }],
      ['GET', undefined],
      ['GET', undefined],
    ]);
  });

  it('passes on why it failed', async () => {
    control.answers({
      [`POST /v1/nodes/${UUID}/power`]: { status: 504, body: { code: 'bmc-no-answer', detail: 'silence' } },
    });
    expect(await node('power', 'on')).toMatchObject({ code: 1, err: 'bootd: silence (bmc-no-answer)' });
  });
});
