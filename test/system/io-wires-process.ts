import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatIpv4, ipv4FromNumber, parseIpv4, type Ipv4 } from '../../src/addr/ipv4.ts';
import { parseMac } from '../../src/addr/mac.ts';
import { openConflictProbe, type ConflictProbe } from '../../src/io/conflict-probe.ts';
import { openDeviceSocket } from '../../src/io/device-socket.ts';
import { findInheritedSocket, readInheritedSockets } from '../../src/io/inherited-sockets.ts';
import { watchInterfaces } from '../../src/io/interface-watch.ts';
import { openLinkFrameSender } from '../../src/io/link-frame.ts';
import { readNetworkInterface, type NetworkInterface } from '../../src/io/network-interfaces.ts';
import { adoptUdpPort } from '../../src/io/node-udp-port.ts';

/**
 * Does one thing inside a network namespace and prints what came of it as lines of JSON: the test itself cannot be in
 * two namespaces.
 */
const [task = '', ...args] = process.argv.slice(2);

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function address(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

function networkInterface(name: string): NetworkInterface {
  const facts = readNetworkInterface(name);
  if (facts === undefined) throw new Error(`there is no ${name}`);
  return facts;
}

function openProbe(name: string): { probe: ConflictProbe; macs: string[] } {
  const macs: string[] = [];
  const access = openConflictProbe(networkInterface(name), ({ mac }) => macs.push(mac ?? 'unknown'));
  if (access.kind === 'unavailable') throw new Error(access.reason);
  return { probe: access.probe, macs };
}

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  /** Echoes what comes to port 67 of each interface, with the interface's name in front, until it is stopped. */
  async echo() {
    for (const device of args) {
      const port = await adoptUdpPort(openDeviceSocket({ device, port: 67, broadcast: true }));
      port.onDatagram((bytes, peer) => {
        print({ device, from: formatIpv4(peer.address), text: Buffer.from(bytes).toString() });
        void port.send(
          Buffer.from(`${device} ${Buffer.from(bytes).toString()}`),
          address('255.255.255.255'),
          68,
        );
      });
    }
    try {
      openDeviceSocket({ device: args[0] ?? '', port: 67, broadcast: true });
    } catch (error) {
      print({ second: String(error) });
    }
    print('listening');
  },

  /** Sends a frame to the address of each `MAC/ADDRESS`, then tries one that does not fit the link. */
  frames() {
    const [device = '', ...targets] = args;
    const access = openLinkFrameSender(networkInterface(device));
    if (access.kind === 'unavailable') throw new Error(access.reason);
    const send = (target: string, payload: Uint8Array): void => {
      const [mac = '', to = ''] = target.split('/');
      const destinationMac = parseMac(mac);
      if (destinationMac === undefined) throw new Error(`${mac} is no MAC`);
      access.sender.send({
        destinationMac,
        sourceAddress: address('192.168.0.1'),
        destinationAddress: address(to),
        sourcePort: 67,
        destinationPort: 68,
        payload,
      });
    };
    for (const target of targets) send(target, Buffer.from(`for ${target}`));
    try {
      send(targets[0] ?? '', new Uint8Array(1473));
    } catch (error) {
      print({ tooLarge: String(error) });
    }
    access.sender.close();
    return Promise.resolve();
  },

  /** Whether link frames and conflict checks can be had here, and on what terms. */
  means() {
    const facts = networkInterface(args[0] ?? '');
    const frames = openLinkFrameSender(facts);
    const probe = openConflictProbe(facts);
    print({
      frames: frames.kind === 'available' ? 'available' : frames.reason,
      probe: probe.kind === 'available' ? 'available' : probe.reason,
      limitation: probe.kind === 'available' ? probe.limitation : undefined,
    });
    return Promise.resolve();
  },

  /** Checks each address named for half a second, one after the other. `ADDRESS/MAC` makes the MAC an exception. */
  async check() {
    const [device = '', ...targets] = args;
    const { probe, macs } = openProbe(device);
    for (const target of targets) {
      const [text = '', except] = target.split('/');
      const startedAt = performance.now();
      macs.length = 0;
      const finding = await probe.check(
        address(text),
        500,
        except === undefined ? undefined : parseMac(except),
      );
      print({ target, finding, mac: macs[0], ms: Math.round(performance.now() - startedAt) });
    }
    probe.close();
  },

  /** Checks a thousand addresses at once, and says what that took. */
  async crowd() {
    const [device = '', first = ''] = args;
    const { probe } = openProbe(device);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const findings = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => probe.check(ipv4FromNumber(address(first) + index), 1000)),
    );
    const { user, system } = process.cpuUsage(cpu);
    delay.disable();
    print({
      ms: Math.round(performance.now() - startedAt),
      cpuMs: Math.round((user + system) / 1000),
      delayP99Ms: delay.percentile(99) / 1e6,
      free: findings.filter((finding) => finding === 'free').length,
      inUse: findings.flatMap((finding, index) =>
        finding === 'in-use' ? [formatIpv4(ipv4FromNumber(address(first) + index))] : [],
      ),
    });
    probe.close();
  },

  /** Reports changes of the interfaces named until it is stopped. */
  async watch() {
    watchInterfaces(
      args,
      (change) => {
        const after = 'after' in change ? change.after : undefined;
        const addresses = after?.addresses.map((one) => formatIpv4(one.address));
        print({ kind: change.kind, link: after?.link, addresses });
      },
      { intervalMs: 20 },
    );
    print('watching');
    await sleep(60_000);
  },

  /** Takes over the sockets that the environment names, and says which belongs to which interface. */
  inherited() {
    const sockets = readInheritedSockets(process.env, process.pid);
    for (const device of args) {
      try {
        print({ device, name: findInheritedSocket(sockets, { purpose: 'dhcp', device, port: 67 })?.name });
      } catch (error) {
        print({ device, error: error instanceof Error ? error.message : String(error) });
      }
    }
    return Promise.resolve();
  },

  /** Opens a socket on each interface and hands the sockets to `inherited`, named as in `NAME=DEVICE`, or `NAME=DEVICE=PORT` for another one than 67. */
  async handover() {
    const { spawn } = await import('node:child_process');
    const pairs = args.map((pair) => pair.split('='));
    const fds = pairs.map(([, device = '', port = '67']) =>
      openDeviceSocket({ device, port: Number(port), broadcast: true }),
    );
    // LISTEN_PID must be the pid of the program itself, which is that of the shell it replaces.
    const script = 'LISTEN_PID=$$ exec "$0" "$@"';
    const child = spawn(
      'sh',
      [
        '-c',
        script,
        process.execPath,
        '--import',
        'tsx',
        process.argv[1] ?? '',
        'inherited',
        'prov0',
        'mgmt0',
        'lo',
      ],
      {
        stdio: ['ignore', 'inherit', 'inherit', ...fds],
        env: {
          ...process.env,
          LISTEN_FDS: String(fds.length),
          LISTEN_FDNAMES: pairs.map(([name]) => name).join(':'),
        },
      },
    );
    await new Promise((resolve) => child.once('close', resolve));
  },
};

await tasks[task]?.();
