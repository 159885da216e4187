import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/io/clock.ts';
import { getBootDevice, setBootDevice } from '../../../src/ipmi/boot-device.ts';
import { controlPower, getChassisStatus, identifyChassis } from '../../../src/ipmi/chassis-commands.ts';
import { askRaw } from '../../../src/ipmi/conversation.ts';
import { getDeviceId } from '../../../src/ipmi/device-id.ts';
import { listEventLog } from '../../../src/ipmi/event-log.ts';
import type { SessionIdentity } from '../../../src/ipmi/ipmi-settings.ts';
import { listSensors } from '../../../src/ipmi/sensors.ts';
import { BmcClient } from '../../../src/services/bmc-client.ts';
import { TestBmc, type TestBmcOptions } from '../../lab/bmc/test-bmc.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: TestBmcOptions = {}): Promise<TestBmc> {
  const bmc = await TestBmc.start(options);
  closers.push(() => bmc.stop());
  return bmc;
}

interface Who extends Partial<Omit<SessionIdentity, 'username' | 'password'>> {
  readonly username?: string;
  readonly password?: string;
  readonly attempts?: number;
  readonly firstTimeoutMs?: number;
}

function clientOf(port: number, who: Who = {}): BmcClient {
  const client = new BmcClient(
    {
      host: '127.0.0.1',
      port,
      identity: {
        username: Buffer.from(who.username ?? 'admin'),
        password: Buffer.from(who.password ?? 'secret'),
        kg: who.kg,
        privilege: who.privilege ?? 'administrator',
        cipherSuite: who.cipherSuite,
      },
    },
    {
      retries: { attempts: who.attempts ?? 6, firstTimeoutMs: who.firstTimeoutMs ?? 40 },
      clock: systemClock,
    },
  );
  closers.push(() => client.close());
  return client;
}

const pxeOnce = { device: 'pxe', uefi: false, persistent: false, expires: true } as const;

describe('every command', () => {
  it.each([3, 16, 17])('is carried out under cipher suite %i', async (cipherSuite) => {
    const bmc = await start({ suites: [3, 16, 17] });
    bmc.machine.manufacturer = 10876;
    const client = clientOf(bmc.port, { cipherSuite });
    expect(await client.ask(getDeviceId)).toEqual({
      deviceId: 0x20,
      deviceRevision: 1,
      firmware: '2.83',
      ipmiVersion: '2.0',
      manufacturer: 10876,
      manufacturerName: 'Supermicro',
      product: 0x07b0,
      isUpdating: false,
    });
    await client.ask(() => setBootDevice({ ...pxeOnce, uefi: true }, 0));
    expect(await client.ask(getBootDevice)).toEqual({
      valid: true,
      device: 'pxe',
      uefi: true,
      persistent: false,
    });
    await client.ask(() => controlPower('on'));
    expect(await client.ask(getChassisStatus)).toMatchObject({
      power: 'on',
      restorePolicy: 'always-on',
      lastEvents: ['switched on by command'],
      coolingFault: false,
    });
    expect(bmc.machine.lastBoot).toEqual({ valid: true, persistent: false, uefi: true, device: 1 });
    for (const action of ['reset', 'cycle', 'soft'] as const) await client.ask(() => controlPower(action));
    await client.ask(() => identifyChassis(7));
    expect(bmc.machine.identifySeconds).toBe(7);
    await client.ask(() => identifyChassis('forever'));
    expect(bmc.machine.identifySeconds).toBe('forever');
    expect(await client.ask(() => askRaw({ netFn: 0, command: 1, data: new Uint8Array() }))).toEqual({
      completionCode: 0,
      data: Uint8Array.of(0x40, 0x10, 0x40),
    });
    expect(bmc.events).toEqual([`opened admin ${cipherSuite}`]);
  });

  it('reads the event log and the sensors in words and units', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port);
    expect(await client.ask(() => listEventLog(100))).toEqual([
      {
        recordId: 1,
        at: Date.UTC(2026, 0, 1),
        sensorType: 'boot error',
        sensorNumber: 0x51,
        direction: 'asserted',
        event: 'PXE server not found',
      },
      expect.objectContaining({ sensorType: 'temperature', event: 'upper critical going high (0x5a 0x55)' }),
      expect.objectContaining({ sensorType: 'power supply', direction: 'deasserted', event: 'failure' }),
    ]);
    expect(await client.ask(() => listEventLog(1))).toHaveLength(1);
    expect(await client.ask(() => listSensors(100))).toEqual([
      { name: 'Inlet Temp', type: 'temperature', value: 23, unit: '°C', states: [], available: true },
      { name: '12V', type: 'voltage', value: 12, unit: 'V', states: [], available: true },
      { name: 'FAN1', type: 'fan', value: undefined, unit: 'rpm', states: [], available: false },
      {
        name: 'PS1 Status',
        type: 'power supply',
        value: undefined,
        unit: '',
        states: ['present', 'input lost'],
        available: true,
      },
    ]);
    bmc.machine.events = [];
    bmc.machine.sensors = [];
    expect(await client.ask(() => listEventLog(100))).toEqual([]);
    expect(await client.ask(() => listSensors(100))).toEqual([]);
  });

  it('keeps boot flags beyond 60 seconds only when told to, and obeys the quirk of Supermicro', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port);
    await client.ask(() => setBootDevice(pxeOnce, 0));
    expect(bmc.machine.keepsFlags).toBe(false);
    await client.ask(() => setBootDevice({ ...pxeOnce, expires: false, persistent: true }, 0));
    expect(bmc.machine.keepsFlags).toBe(true);
    expect(bmc.machine.bootOptions).toEqual([0xc0, 0x04, 0, 0, 0]);
    const disk = { device: 'disk', uefi: true, persistent: false, expires: true } as const;
    await client.ask(() => setBootDevice(disk, 10876));
    expect(bmc.machine.bootOptions).toEqual([0xa0, 0x24, 0, 0, 0]);
    await client.ask(() => setBootDevice(disk, 343));
    expect(bmc.machine.bootOptions).toEqual([0xa0, 0x08, 0, 0, 0]);
  });
});

describe('each failure has an error of its own', () => {
  const cases: readonly [string, TestBmcOptions, Who, string, RegExp][] = [
    ['an unknown user', {}, { username: 'nobody' }, 'wrong-username', /user name is not allowed/],
    ['a wrong password', {}, { password: 'Secret' }, 'wrong-password', /password is wrong/],
    [
      'a suite that the BMC lacks',
      { suites: [3] },
      { cipherSuite: 17 },
      'unsupported-suite',
      /refuses cipher suite 17/,
    ],
    ['no trusted suite', { suites: [0] }, {}, 'unsupported-suite', /offers cipher suites 0, of which none/],
    [
      'a suite that bootd lacks',
      {},
      { cipherSuite: 8 },
      'unsupported-suite',
      /bootd does not have cipher suite 8/,
    ],
    ['IPMI 1.5 only', { onlyIpmi15: true }, {}, 'no-rmcp-plus', /IPMI 1\.5 only/],
    ['no session left', { mostSessions: 0 }, {}, 'session-limit', /no session left/],
    [
      'too much privilege asked for',
      {},
      { username: 'user', password: 'view' },
      'insufficient-privilege',
      /may not have the privilege 'administrator'/,
    ],
    [
      'a BMC key that is needed',
      { kg: Buffer.from('k') },
      {},
      'wrong-kg',
      /has a BMC key.*none is configured/,
    ],
    [
      'a wrong BMC key',
      { kg: Buffer.from('k') },
      { kg: Buffer.from('x') },
      'wrong-kg',
      /BMC key \(Kg\) is wrong/,
    ],
    ['silence from the start', { faults: { silentAfter: 0 } }, { attempts: 3 }, 'no-answer', /asked 3 times/],
    [
      'silence in the handshake',
      { faults: { silentAfter: 3 } },
      { attempts: 3 },
      'no-answer',
      /does not answer/,
    ],
    [
      'silence in the session',
      { faults: { silentAfter: 6 } },
      { attempts: 3 },
      'session-lost',
      /in the session/,
    ],
  ];

  it.each(cases)('%s', async (_what, options, who, code, message) => {
    const bmc = await start(options);
    await expect(clientOf(bmc.port, who).ask(getChassisStatus)).rejects.toMatchObject({
      name: 'IpmiError',
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('a port where nobody listens', async () => {
    const bmc = await TestBmc.start();
    const { port } = bmc;
    await bmc.stop();
    const before = Date.now();
    await expect(clientOf(port, { firstTimeoutMs: 5000 }).ask(getChassisStatus)).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(Date.now() - before).toBeLessThan(4000);
  });

  it('a host name that is none', async () => {
    const client = new BmcClient(
      { ...clientOf(1).target, host: 'bmc.invalid' },
      { retries: { attempts: 1, firstTimeoutMs: 10 }, clock: systemClock },
    );
    await expect(client.ask(getChassisStatus)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('a command that the machine refuses, in words and with its code', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port);
    await expect(client.ask(() => controlPower('reset'))).rejects.toMatchObject({
      code: 'refused',
      completionCode: 0xd5,
      message: 'power reset: not possible in the present state of the machine (completion code 0xd5)',
    });
    // The session goes on.
    expect((await client.ask(getChassisStatus)).power).toBe('off');
    expect(bmc.events).toHaveLength(1);
  });

  it('a user whose privilege is enough for the session and not for the command', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port, { username: 'user', password: 'view', privilege: 'user' });
    expect((await client.ask(getChassisStatus)).power).toBe('off');
    await expect(client.ask(() => controlPower('on'))).rejects.toThrow(/too little privilege.*0xd4/);
  });

  it('names no secret', async () => {
    const bmc = await start({ kg: Buffer.from('kgkgkg') });
    const who = { password: 'hunter2hunter2', kg: Buffer.from('topsecretkey') };
    const error = await clientOf(bmc.port, who)
      .ask(getChassisStatus)
      .catch((caught: unknown) => caught);
    const said = JSON.stringify(error, Object.getOwnPropertyNames(error));
    for (const secret of ['hunter2', 'topsecretkey', Buffer.from('hunter2').toString('hex')]) {
      expect(said).not.toContain(secret);
    }
  });
});

describe('what a controller may do', () => {
  it('be without a list of suites: the best one that it takes is found by asking', async () => {
    const bmc = await start({ suites: [3], listsSuites: false });
    await clientOf(bmc.port).ask(getChassisStatus);
    expect(bmc.events).toEqual(['opened admin 3']);
  });

  it('have both suites: the better one is taken', async () => {
    const bmc = await start({ suites: [0, 3, 17] });
    await clientOf(bmc.port).ask(getChassisStatus);
    expect(bmc.events).toEqual(['opened admin 17']);
  });

  it('have suite 0, which is taken only when told', async () => {
    const bmc = await start({ suites: [0] });
    const status = await clientOf(bmc.port, { cipherSuite: 0, password: 'anything' }).ask(getChassisStatus);
    expect(status.power).toBe('off');
    expect(bmc.events).toEqual(['opened admin 0']);
  });

  it('have a BMC key', async () => {
    const kg = Buffer.from('0123456789abcdef0123');
    const bmc = await start({ kg });
    expect((await clientOf(bmc.port, { kg }).ask(getChassisStatus)).power).toBe('off');
  });

  it('hash the role without its lookup bit', async () => {
    const bmc = await start({ hashesPrivilegeOnly: true });
    expect((await clientOf(bmc.port).ask(getChassisStatus)).power).toBe('off');
  });
});

describe('one session', () => {
  it('serves question after question, several at once one after the other', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(getChassisStatus)));
    expect(answers).toHaveLength(20);
    expect(bmc.events).toEqual(['opened admin 17']);
    client.close();
    await expect.poll(() => bmc.sessionCount).toBe(0);
  });

  it('is opened again when the controller has forgotten it', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port, { attempts: 3 });
    await client.ask(getChassisStatus);
    bmc.forgetSessions();
    expect((await client.ask(getChassisStatus)).power).toBe('off');
    expect(bmc.events).toEqual(['opened admin 17', 'opened admin 17']);
  });

  it('is not reused for ever: what comes after the close is told so', async () => {
    const bmc = await start();
    const client = clientOf(bmc.port);
    client.close();
    await expect(client.ask(getChassisStatus)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('on a bad wire', () => {
  it.each([
    ['every third reply is lost', { loseEvery: 3 }],
    ['every other reply is lost', { loseEvery: 2 }],
    ['every reply comes twice', { doubleEvery: 1 }],
    ['every second reply comes late', { lateEvery: { every: 2, ms: 70 } }],
    ['replies are lost, doubled and late', { loseEvery: 5, doubleEvery: 2, lateEvery: { every: 3, ms: 60 } }],
  ])('%s, and everything is done all the same', async (_what, faults) => {
    const bmc = await start({ faults });
    const client = clientOf(bmc.port);
    await client.ask(() => setBootDevice(pxeOnce, 0));
    await client.ask(() => controlPower('on'));
    expect((await client.ask(getChassisStatus)).power).toBe('on');
    expect(await client.ask(() => listEventLog(10))).toHaveLength(3);
    expect(bmc.machine.lastBoot).toMatchObject({ valid: true, device: 1 });
  });
});
