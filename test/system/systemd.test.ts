import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { noteConfiguration } from '../lab/daemon.ts';
import { encodeClientMessage } from '../lab/dhcp-messages.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { decodeDhcp } from '../lab/packets.ts';
import type { BackgroundProcess } from '../lab/processes.ts';
import { NoServiceManagerError, ServiceManager } from '../lab/service-manager.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';
import { Udhcpc } from '../lab/udhcpc.ts';

const RESTARTED_BOOTS = fileURLToPath(new URL('../lab/restarted-boots-process.ts', import.meta.url));
/** Named as the VLAN of a bond; made as a bridge, since not every kernel has bonds and VLANs, and for bootd all are one. */
const LATE = 'bond0.42';
const LATE_ADDRESS = '192.168.42.1';
/** Short, so that a bootd that hangs is killed soon; three looks in it. */
const WATCHDOG_SECONDS = 6;
const SOCKETS = ['bootd-dhcp@prov0.socket', 'bootd-tftp@prov0.socket'] as const;

const able = needs('namespaces', 'udhcpc', 'debian-root', 'service-manager');
let network: LabNetwork;
let systemd: ServiceManager;
let whyNot: string | undefined;
const image = randomBytes(120_000);

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  await writeFile(join(tftpRoot, 'image'), image);
  const note = noteConfiguration('/var/lib/bootd');
  const ranges = [{ range: '192.168.0.20-192.168.0.250' }];
  const configuration = {
    ...note,
    interfaces: ['prov0', LATE],
    'state-directory': '/var/lib/bootd',
    control: {},
    dhcp: {
      ...note.dhcp,
      'ping-check': false,
      subnets: [
        { subnet: '192.168.0.0/24', ranges },
        { subnet: '192.168.42.0/24', ranges: [{ range: '192.168.42.20-192.168.42.99' }] },
      ],
    },
  };
  try {
    systemd = await ServiceManager.boot(network, configuration, tftpRoot, {
      'bootd.service': `[Service]\nWatchdogSec=${WATCHDOG_SECONDS}\n`,
    });
  } catch (error) {
    if (!(error instanceof NoServiceManagerError)) throw error;
    whyNot = error.message;
  }
  await equipClient();
});

beforeEach((context) => context.skip(whyNot !== undefined, whyNot));

afterAll(async () => {
  await closeLabs();
});

/** An address for TFTP, which udhcpc takes away, and with it the way for broadcasts. */
async function equipClient(): Promise<void> {
  await network.client.run('ip', ['addr', 'replace', '192.168.0.10/24', 'dev', 'eth0']);
  await network.client.run('ip', ['route', 'replace', '255.255.255.255/32', 'dev', 'eth0']);
}

/** The inodes of the sockets on UDP ports 67 and 69 of any address: the same socket has the same one for its life. */
async function serverSockets(): Promise<readonly string[]> {
  const table = await systemd.run('cat', '/proc/net/udp');
  return table
    .split('\n')
    .filter((line) => /: 00000000:004[35] /.test(line))
    .map((line) => line.trim().split(/\s+/)[9] ?? '')
    .sort();
}

async function kept(): Promise<number> {
  return Number(await systemd.property('bootd.service', 'NFileDescriptorStore'));
}

function restarts(): Promise<string> {
  return systemd.property('bootd.service', 'NRestarts');
}

/** Until bootd is another process than this one, and ready. */
async function untilAnother(pid: string): Promise<void> {
  await expect
    .poll(() => systemd.property('bootd.service', 'MainPID'), { timeout: 60_000 })
    .not.toMatch(new RegExp(`^(0|${pid})$`));
  await systemd.untilServing();
}

function processId(): Promise<string> {
  return systemd.property('bootd.service', 'MainPID');
}

async function ip(...commands: readonly string[]): Promise<void> {
  for (const command of commands) await network.server.run('ip', command.split(' '));
}

async function makeLate(): Promise<void> {
  await ip(
    `link add ${LATE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `addr add ${LATE_ADDRESS}/24 brd + dev ${LATE}`,
    `link set ${LATE} up`,
  );
}

/** Status and text of `/readyz`, asked for inside. */
function readiness(): Promise<string> {
  const script = `require('http').get({ socketPath: '/run/bootd/control.sock', path: '/readyz' }, (answer) => {
    process.stdout.write(answer.statusCode + ' ');
    answer.pipe(process.stdout);
  })`;
  return systemd.run('node', '-e', script);
}

describe('the units in a real systemd', () => {
  test('start bootd with all its hardening, without root, on sockets that systemd opened', async () => {
    for (const socket of SOCKETS) expect(await systemd.state(socket)).toBe('active');
    const pid = await processId();
    const status = await systemd.run('cat', `/proc/${pid}/status`);
    const owner = await systemd.run('id', '-u', 'bootd');
    expect(status).toMatch(new RegExp(`^Uid:\\s+${owner.trim()}\\s`, 'm'));
    // CAP_NET_BIND_SERVICE and CAP_NET_RAW, which cannot become more.
    for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
      expect(status).toMatch(new RegExp(`^${set}:\\s+0{12}2400$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect((await systemd.run('stat', '-c', '%a %U %G', '/run/bootd/control.sock')).trim()).toBe(
      '660 bootd bootd',
    );
    expect((await systemd.run('stat', '-c', '%a %U', '/var/lib/bootd')).trim()).toBe('750 bootd');
    // Nothing had to be given up: no limitation, no failed thread, no warning but for the interface that is not there.
    const opened = await systemd.log('dhcp.socket.opened');
    expect(opened).toMatchObject([{ interface: 'prov0', limitations: [] }]);
    const warnings = (await systemd.log()).filter(({ level }) => level !== 'info' && level !== 'debug');
    expect(new Set(warnings.map(({ event }) => event))).toEqual(
      new Set(['dhcp.socket.awaited', 'tftp.socket.awaited']),
    );
  });

  test('serve a lease and a file', async () => {
    const client = await Udhcpc.start(network);
    expect(await client.next('bound', 30_000)).toMatchObject({ server: SERVER_ADDRESS });
    await client.stop();
    await equipClient();
    const to = join(network.folder, 'fetched');
    await network.client.run('busybox', ['tftp', '-g', '-l', to, '-r', 'image', SERVER_ADDRESS]);
  });

  test('reload while they serve, and say when it is done', async () => {
    const before = (await systemd.log('config.reloaded')).length;
    const pid = await processId();
    await systemd.systemctl('reload', 'bootd.service');
    await expect.poll(async () => (await systemd.log('config.reloaded')).length).toBeGreaterThan(before);
    await systemd.untilServing();
    expect(await processId()).toBe(pid);
  });

  test('answer every request that comes during a restart, none of which is sent twice', async () => {
    const before = await serverSockets();
    const client = await NamespaceUdpSocket.open(network.client, 68);
    const asker = await NamespaceUdpSocket.open(network.client, 0);
    const xids = Array.from({ length: 60 }, (_, index) => 0x1000 + index);
    const discovers = xids.map((xid) =>
      encodeClientMessage({
        type: 'discover',
        mac: `02:0d:00:00:00:${(xid & 0xff).toString(16).padStart(2, '0')}`,
        xid,
        broadcast: true,
      }),
    );
    // Each is refused, which is one answer for one request.
    const requests = xids.map((xid) => Buffer.from(`\0\u0001none-${xid}\0octet\0`));
    const sending = Promise.all([
      client.send(discovers, '255.255.255.255', 67, 100),
      asker.send(requests, SERVER_ADDRESS, 69, 100),
    ]);
    await client.waitFor(() => true, 20_000);
    const pid = await processId();
    await systemd.systemctl('restart', 'bootd.service');
    await untilAnother(pid);
    await sending;
    const offered = (): number =>
      new Set(client.received().flatMap(({ payload }) => decodeDhcp(payload)?.xid ?? [])).size;
    await expect.poll(offered, { timeout: 20_000 }).toBe(xids.length);
    await expect.poll(() => asker.received().length, { timeout: 20_000 }).toBe(requests.length);
    expect(await serverSockets()).toEqual(before);
    await Promise.all([client.close(), asker.close()]);
  });

  test('kill a bootd that hangs and start it again on the same sockets, where a request has waited', async () => {
    const before = await serverSockets();
    const [pid, count] = [await processId(), Number(await restarts())];
    await systemd.signal('STOP');
    const client = await NamespaceUdpSocket.open(network.client, 68);
    const discover = encodeClientMessage({
      type: 'discover',
      mac: '02:0d:01:00:00:01',
      xid: 77,
      broadcast: true,
    });
    await client.send([discover], '255.255.255.255', 67);
    await untilAnother(pid);
    expect(decodeDhcp((await client.waitFor(() => true, 30_000)).payload)).toMatchObject({
      xid: 77,
      type: 'offer',
    });
    expect(Number(await restarts())).toBe(count + 1);
    expect(await serverSockets()).toEqual(before);
    await client.close();
  });

  test('serve an interface that comes late, keep its sockets over a restart, and follow it when it is made anew', async () => {
    expect(await systemd.state(`bootd-dhcp@${LATE}.socket`)).toBe('failed');
    expect(await kept()).toBe(0);
    expect(await readiness()).toMatch(new RegExp(`^503 .*there is no interface ${LATE} yet`));
    await makeLate();
    await expect.poll(kept, { timeout: 20_000 }).toBe(2);
    expect(await readiness()).toMatch(/^200 /);
    const opened = (await systemd.log('dhcp.socket.opened')).at(-1);
    expect(opened).toMatchObject({ interface: LATE, address: LATE_ADDRESS });
    const sockets = await serverSockets();
    expect(sockets).toHaveLength(4);
    const pid = await processId();
    await systemd.signal('KILL');
    await untilAnother(pid);
    // TFTP's may be the one of its socket unit by now, which found its interface this time.
    const after = await serverSockets();
    expect(after).toHaveLength(4);
    expect(after.filter((inode) => sockets.includes(inode)).length).toBeGreaterThanOrEqual(3);

    await ip(`link del ${LATE}`);
    await expect.poll(kept, { timeout: 20_000 }).toBe(0);
    await makeLate();
    await expect.poll(kept, { timeout: 20_000 }).toBe(2);
    const now = await serverSockets();
    expect(now.filter((inode) => after.includes(inode)).length).toBeLessThan(4);

    // Made anew while bootd does not look: the sockets that were kept hear nothing there.
    const hung = await processId();
    await systemd.signal('STOP');
    await ip(`link del ${LATE}`);
    await makeLate();
    await systemd.signal('KILL');
    await untilAnother(hung);
    await expect
      .poll(async () => (await systemd.log('dhcp.socket.opened')).at(-1), { timeout: 20_000 })
      .toMatchObject({ interface: LATE });
    expect(await readiness()).toMatch(/^200 /);
    const bound = await systemd.run('ss', '--udp', '--listening', '--numeric', '--no-header');
    for (const port of [67, 69]) expect(bound.split(`%${LATE}:${port} `)).toHaveLength(2);
  });

  test.each(['a restart', 'kill -9'])('let 50 boots come through %s in their middle', async (disturbance) => {
    const sha256 = createHash('sha256').update(image).digest('hex');
    const crowd: BackgroundProcess = network.client.start('boots', process.execPath, [
      ...['--import', 'tsx', RESTARTED_BOOTS, 'image', sha256, '50', '3000', '30'],
    ]);
    await crowd.waitForLine(/"ready"/, 20_000);
    // In their middle: some ask for addresses, some load, none is through.
    await sleep(2500);
    expect(crowd.lines.filter((line) => line.includes('"booted"'))).toEqual([]);
    const pid = await processId();
    if (disturbance === 'kill -9') await systemd.signal('KILL');
    else await systemd.systemctl('restart', 'bootd.service');
    await untilAnother(pid);
    await crowd.waitForLine(/"end"/, 120_000);
    const boots = crowd.lines
      .filter((line) => line.includes('"booted"'))
      .map((line) => JSON.parse(line) as Boot);
    expect(boots).toHaveLength(50);
    expect(boots.every(({ intact }) => intact)).toBe(true);
    expect(new Set(boots.map(({ address }) => address)).size).toBe(50);
    // It did disturb them.
    expect(boots.some(({ attempts }) => attempts > 1)).toBe(true);
    await crowd.ended;
  });

  test('close their sockets when they are stopped: the next request starts nothing', async () => {
    await systemd.systemctl('stop', 'bootd.service');
    await expect.poll(() => systemd.state(SOCKETS[0]), { timeout: 10_000 }).toBe('inactive');
    const client = await NamespaceUdpSocket.open(network.client, 68);
    const discover = encodeClientMessage({
      type: 'discover',
      mac: '02:0d:02:00:00:01',
      xid: 78,
      broadcast: true,
    });
    await client.send([discover, discover], '255.255.255.255', 67, 500);
    expect(await systemd.state('bootd.service')).toBe('inactive');
    expect([await serverSockets(), client.received()]).toEqual([[], []]);
    await client.close();
    await systemd.systemctl('start', 'bootd.service');
    expect(await serverSockets()).toHaveLength(4);
  });
});

interface Boot {
  readonly address: string;
  readonly attempts: number;
  readonly intact: boolean;
}
