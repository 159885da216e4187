import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Capture } from '../lab/capture.ts';
import { closeLabs, LabNetwork, type Namespace } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import type { BackgroundProcess } from '../lab/processes.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';

const PROCESS = fileURLToPath(new URL('./io-wires-process.ts', import.meta.url));
const CLIENT_MAC = '0c:c4:7a:0e:2b:6b';
/** The address of a host on the provisioning wire that answers ARP and drops every ping. */
const SILENT = '192.168.0.77';

const able = needs('namespaces');
let network: LabNetwork;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  await network.client.run('ip', ['link', 'set', 'eth0', 'address', CLIENT_MAC]);
  await network.client.run('ip', ['addr', 'add', `${SILENT}/24`, 'dev', 'eth0']);
  await network.client.run('sysctl', ['-qw', 'net.ipv4.icmp_echo_ignore_all=1']);
});

afterAll(closeLabs);

function start(task: string, args: readonly string[], prefix: readonly string[] = []): BackgroundProcess {
  const [command = '', ...rest] = [...prefix, process.execPath, '--import', 'tsx', PROCESS, task, ...args];
  return network.server.start(task, command, rest);
}

/** Runs a task to its end and returns the values that it printed. */
async function run(
  task: string,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<unknown[]> {
  const child = start(task, args, prefix);
  expect(await child.ended, child.tail()).toEqual({ code: 0, signal: null });
  return child.lines.map((line): unknown => JSON.parse(line));
}

describe('device sockets', () => {
  test('hear and answer on their own wire only, and share a port with nobody on it', async () => {
    const server = start('echo', ['prov0', 'mgmt0']);
    await server.waitForLine(/^"listening"$/, 20_000);
    expect(server.lines[0]).toContain(`port 67 is held by node, pid ${server.pid}`);

    const onWire = await NamespaceUdpSocket.open(network.client, 68);
    const onManagement = await NamespaceUdpSocket.open(network.managementClient, 68);
    await onWire.send([Buffer.from('one')], '255.255.255.255', 67);
    const answer = await onWire.waitFor(() => true, 5000);
    expect([answer.payload.toString(), answer.address, answer.port]).toEqual([
      'prov0 one',
      '192.168.0.1',
      67,
    ]);
    await onManagement.send([Buffer.from('two')], '255.255.255.255', 67);
    const other = await onManagement.waitFor(() => true, 5000);
    expect([other.payload.toString(), other.address]).toEqual(['mgmt0 two', '10.167.36.63']);

    await server.waitForLine(/"text":"two"/, 5000);
    expect(onWire.received()).toHaveLength(1);
    expect(onManagement.received()).toHaveLength(1);
    const heard = server.lines
      .filter((line) => line.includes('"text"'))
      .map((line): unknown => JSON.parse(line));
    expect(heard).toMatchObject([
      { device: 'prov0', text: 'one' },
      { device: 'mgmt0', text: 'two' },
    ]);
    await Promise.all([onWire.close(), onManagement.close(), server.stop()]);
  });

  test('that systemd hands over are found by name, whatever their order, and refused on the wrong wire', async () => {
    expect(
      await run('handover', [
        // Of an earlier configuration, with another port.
        'dhcp-mgmt0=mgmt0=1067',
        'bootd-dhcp@mgmt0.socket=mgmt0',
        'dhcp-prov0=prov0',
        'dhcp-lo=prov0=1068',
      ]),
    ).toEqual([
      { device: 'prov0', name: 'dhcp-prov0' },
      { device: 'mgmt0', name: 'bootd-dhcp@mgmt0.socket' },
      {
        device: 'lo',
        error:
          'the socket "dhcp-lo" that systemd handed over is bound to interface prov0: its unit needs BindToDevice=lo',
      },
    ]);
  });
});

describe('link frames', () => {
  test('go to the MAC that was named, without ARP, and never beyond the MTU', async () => {
    const capture = await Capture.start(network.client, 'eth0', 'udp');
    // A kernel hands a datagram to a socket only if all its checksums are good.
    const socket = await NamespaceUdpSocket.open(network.client, 68);
    const stranger = '52:54:00:99:99:99/192.168.0.140';
    expect(await run('frames', ['prov0', `${CLIENT_MAC}/${SILENT}`, stranger])).toEqual([
      {
        tooLarge: 'IoError: cannot send a frame on prov0: the datagram has 1501 octets, the link takes 1500',
      },
    ]);
    const received = await socket.waitFor(() => true, 5000);
    expect([received.payload.toString(), received.address, received.port]).toEqual([
      `for ${CLIENT_MAC}/${SILENT}`,
      '192.168.0.1',
      67,
    ]);
    await capture.waitFor((packet) => packet.payload.toString() === `for ${stranger}`, 5000);
    expect((await capture.stop()).map((packet) => [packet.ethernetDestination, packet.destination])).toEqual([
      [CLIENT_MAC, SILENT],
      ['52:54:00:99:99:99', '192.168.0.140'],
    ]);
    await socket.close();
  });
});

describe('conflict checks', () => {
  test('find a host that drops pings by ARP at once, name it, and wait for the others', async () => {
    const [stranger, client, free, own] = (await run('check', [
      'prov0',
      SILENT,
      `${SILENT}/${CLIENT_MAC}`,
      '192.168.0.78',
      '192.168.0.1',
    ])) as Record<string, unknown>[];
    expect(stranger).toMatchObject({ finding: 'in-use', mac: CLIENT_MAC });
    expect(stranger?.['ms']).toBeLessThan(400);
    expect(client).toMatchObject({ finding: 'free' });
    expect(free).toMatchObject({ finding: 'free' });
    expect(free?.['ms']).toBeGreaterThanOrEqual(500);
    expect(free?.['ms']).toBeLessThan(1500);
    expect(own).toMatchObject({ finding: 'in-use' });
  });

  test('ask by ping beyond the wire, and know nothing where no route leads', async () => {
    expect(await run('check', ['prov0', '10.167.36.125', '10.167.36.126', '203.0.113.1'])).toMatchObject([
      { finding: 'in-use', mac: 'unknown' },
      { finding: 'free' },
      { finding: 'unknown' },
    ]);
  });

  test('of a thousand addresses at once take one time-out and little of the processor', async () => {
    const [result] = (await run('crowd', ['prov0', '192.168.0.70'])) as Record<string, number>[];
    expect(result).toMatchObject({ inUse: [SILENT] });
    expect(result?.['ms']).toBeLessThan(3000);
    expect(result?.['cpuMs']).toBeLessThan(500);
  });

  test('do without rights through the kernel’s ping socket where that is allowed, else say what is missing', async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
    const [without] = await run('means', ['prov0'], nobody);
    expect(without).toEqual({
      frames: 'cannot open a socket: operation not permitted (EPERM); it needs root or CAP_NET_RAW',
      probe: 'cannot open a socket: permission denied (EACCES); it needs root or CAP_NET_RAW',
    });
    await network.server.run('sysctl', ['-qw', 'net.ipv4.ping_group_range=65534 65534']);
    const [allowed] = await run('means', ['prov0'], nobody);
    expect(allowed).toMatchObject({ probe: 'available' });
    expect(await run('check', ['prov0', '10.167.36.125', SILENT], nobody)).toMatchObject([
      { finding: 'in-use' },
      { finding: 'free' },
    ]);
  });
});

describe('the interface watch', () => {
  test('sees an interface come late, get an address, lose its link, go, and come back as another', async () => {
    const watch = start('watch', ['late0']);
    await watch.waitForLine(/^"watching"$/, 20_000);
    const steps: readonly (readonly [change: string, expected: Record<string, unknown>])[] = [
      ['link add late0 type veth peer name late1', { kind: 'appeared', link: 'down', addresses: [] }],
      ['link set late1 up', {}],
      ['link set late0 up', { kind: 'changed', link: 'up' }],
      ['addr add 10.7.0.1/24 dev late0', { kind: 'changed', addresses: ['10.7.0.1'] }],
      ['link set late1 down', { kind: 'changed', link: 'no-carrier', addresses: ['10.7.0.1'] }],
      ['link del late0', { kind: 'gone' }],
      ['link add late0 type veth peer name late1', { kind: 'appeared' }],
    ];
    for (const [change, expected] of steps) {
      const from = watch.lines.length;
      await ip(network.server, change);
      if (expected['kind'] === undefined) continue;
      await watch.waitFor(
        () =>
          watch.lines
            .slice(from)
            .map((line): unknown => JSON.parse(line))
            .find((seen) => matches(seen, expected)),
        `sight of ${change}`,
        5000,
      );
    }
    const from = watch.lines.length;
    await network.server.run('sh', [
      '-c',
      'ip link del late0 && ip link add late0 type veth peer name late1',
    ]);
    await watch.waitForLine(/"replaced"|"appeared"/, 5000, from);
    await watch.stop();
  });

  async function ip(namespace: Namespace, command: string): Promise<void> {
    await namespace.run('ip', command.split(' '));
  }

  function matches(seen: unknown, expected: Record<string, unknown>): boolean {
    const values = seen as Record<string, unknown>;
    return Object.entries(expected).every(
      ([key, value]) => JSON.stringify(values[key]) === JSON.stringify(value),
    );
  }
});
