import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forgetLab, recordLab, removeAbandonedLabs } from './abandoned.ts';
import { BackgroundProcess, run, type RunOptions } from './processes.ts';

/** The server's end of the provisioning wire: the address of the application note. */
export const SERVER_ADDRESS = '192.168.0.1';
/** The server's address on the management wire, where it must be deaf and mute. */
export const MANAGEMENT_ADDRESS = '10.167.36.63';
const MANAGEMENT_CLIENT_ADDRESS = '10.167.36.125';

/** One network namespace of a lab. */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs a command in the namespace to its end. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
    return run('ip', ['netns', 'exec', this.name, command, ...args], options);
  }

  /** Starts a command in the namespace. It has the pid of the process returned, since `ip` becomes the command. */
  start(
    name: string,
    command: string,
    args: readonly string[],
    environment?: NodeJS.ProcessEnv,
  ): BackgroundProcess {
    return BackgroundProcess.start(name, 'ip', ['netns', 'exec', this.name, command, ...args], environment);
  }

  /**
   * As `start`, with a folder shown to the command as /tftpboot. The host keeps its own /tftpboot, or none: the
   * command sees a root made of all folders of the host and this one.
   */
  startWithTftpboot(
    name: string,
    tftpboot: string,
    command: string,
    args: readonly string[],
    environment?: NodeJS.ProcessEnv,
  ): BackgroundProcess {
    return this.startInView(name, { '/tftpboot': tftpboot }, command, args, environment);
  }

  /** As `start`, with folders shown to the command at places right below the root, instead of the host's there. */
  startInView(
    name: string,
    folders: Readonly<Record<string, string>>,
    command: string,
    args: readonly string[],
    environment?: NodeJS.ProcessEnv,
  ): BackgroundProcess {
    const shown = Object.entries(folders).flat();
    return this.start(name, 'sh', ['-euc', VIEW, 'view', ...shown, '--', command, ...args], environment);
  }
}

/**
 * `ip netns exec` gives each command mounts of its own, so nothing of this reaches the host, and it goes away with
 * the command. /mnt is there on every Debian and used by nobody in here.
 */
const VIEW = `
mount -t tmpfs -o mode=0755 view /mnt
shown=' /mnt '
while [ "$1" != -- ]; do
  mkdir "/mnt$1"
  mount --bind "$2" "/mnt$1"
  shown="$shown$1 "
  shift 2
done
shift
for entry in /*; do
  case $shown in *" $entry "*) continue ;; esac
  if [ -L "$entry" ]; then
    cp -P "$entry" "/mnt$entry"
  elif [ -d "$entry" ]; then
    mkdir "/mnt$entry"
    mount --rbind "$entry" "/mnt$entry"
  fi
done
mkdir /mnt/mnt
exec chroot /mnt "$@"
`;

/**
 * The wires of a controller, out of network namespaces only: a server with a leg on the provisioning wire (`prov0`)
 * and one on the management wire (`mgmt0`), two switches, taps for machines on the provisioning wire, and a plain
 * client on each wire (`eth0`). No IPv6, no spanning tree and no checksum offload, so that captures show the
 * checksums that really went over the wire. The host gets no link and no address.
 */
export class LabNetwork {
  readonly server: Namespace;
  readonly switches: Namespace;
  /** On the provisioning wire, without an address. */
  readonly client: Namespace;
  /** On the management wire, with an address and a route to the provisioning subnet through the server. */
  readonly managementClient: Namespace;
  /** Scratch space that is removed with the lab. */
  readonly folder: string;
  readonly #name: string;
  readonly #freeTaps: string[];

  private constructor(name: string, folder: string, taps: number) {
    this.#name = name;
    this.folder = folder;
    this.server = new Namespace(`${name}-server`);
    this.switches = new Namespace(`${name}-switches`);
    this.client = new Namespace(`${name}-client`);
    this.managementClient = new Namespace(`${name}-management`);
    this.#freeTaps = Array.from({ length: taps }, (_, index) => `tap${index}`);
  }

  /** Builds the wires with this many taps for machines. Labs that a crash left behind are removed first. */
  static async open(taps = 0): Promise<LabNetwork> {
    await removeAbandonedLabs();
    const name = `bootd-${process.pid}-${opened}`;
    opened += 1;
    const folder = await mkdtemp(join(tmpdir(), 'bootd-lab-'));
    const network = new LabNetwork(name, folder, taps);
    const namespaces = network.#namespaces().map((namespace) => namespace.name);
    await recordLab(name, { namespaces, folder });
    openLabs.add(network);
    await network.#build();
    return network;
  }

  /** A tap that no other machine uses; given back with `releaseTap`. */
  takeTap(): string {
    const tap = this.#freeTaps.pop();
    if (tap === undefined) throw new Error('the lab has no free tap: open it with more');
    return tap;
  }

  releaseTap(tap: string): void {
    this.#freeTaps.push(tap);
  }

  /** Takes a tap off the provisioning wire. */
  unplugTap(tap: string): Promise<void> {
    return ip([`link set ${tap} nomaster`], this.switches);
  }

  plugTap(tap: string): Promise<void> {
    return ip([`link set ${tap} master provisioning`], this.switches);
  }

  /** Ends what still runs in the lab and removes it. Safe to call twice. */
  async close(): Promise<void> {
    await forgetLab(this.#name);
    openLabs.delete(this);
  }

  #namespaces(): readonly Namespace[] {
    return [this.server, this.switches, this.client, this.managementClient];
  }

  async #build(): Promise<void> {
    const { server, switches, client, managementClient } = this;
    await ip(this.#namespaces().map((namespace) => `netns add ${namespace.name}`));
    for (const namespace of this.#namespaces()) {
      await namespace.run('sysctl', [
        '-qw',
        'net.ipv6.conf.all.disable_ipv6=1',
        'net.ipv6.conf.default.disable_ipv6=1',
      ]);
      await ip(['link set lo up'], namespace);
    }
    const links = [
      { wire: 'provisioning', namespace: server, name: 'prov0', port: 'p-server' },
      { wire: 'provisioning', namespace: client, name: 'eth0', port: 'p-client' },
      { wire: 'management', namespace: server, name: 'mgmt0', port: 'm-server' },
      { wire: 'management', namespace: managementClient, name: 'eth0', port: 'm-client' },
    ];
    await ip(
      [
        ...['provisioning', 'management'].flatMap((wire) => [
          `link add ${wire} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
          `link set ${wire} up`,
        ]),
        ...links.flatMap(({ wire, namespace, name, port }) => [
          `link add ${port} type veth peer name ${name} netns ${namespace.name}`,
          `link set ${port} master ${wire} up`,
        ]),
        ...this.#freeTaps.flatMap((tap) => [
          `tuntap add dev ${tap} mode tap`,
          `link set ${tap} master provisioning up`,
        ]),
      ],
      switches,
    );
    for (const { namespace, name, port } of links) {
      await namespace.run('ethtool', ['-K', name, 'tx', 'off']);
      await switches.run('ethtool', ['-K', port, 'tx', 'off']);
    }
    await ip(
      [
        `addr add ${SERVER_ADDRESS}/24 brd + dev prov0`,
        `addr add ${MANAGEMENT_ADDRESS}/24 brd + dev mgmt0`,
        'link set prov0 up',
        'link set mgmt0 up',
      ],
      server,
    );
    // Without a route of its own a client without an address cannot broadcast through a plain UDP socket.
    await ip(['link set eth0 up', 'route add 255.255.255.255/32 dev eth0'], client);
    await ip(
      [
        `addr add ${MANAGEMENT_CLIENT_ADDRESS}/24 brd + dev eth0`,
        'link set eth0 up',
        'route add 255.255.255.255/32 dev eth0',
        `route add 192.168.0.0/24 via ${MANAGEMENT_ADDRESS}`,
      ],
      managementClient,
    );
  }
}

/** How many labs this process has opened, for their names, and those that it has not closed yet. */
let opened = 0;
const openLabs = new Set<LabNetwork>();

/** For afterAll: removes the labs of a test file, whatever went wrong while they were built or used. */
export async function closeLabs(): Promise<void> {
  for (const network of openLabs) await network.close();
}

async function ip(commands: readonly string[], namespace?: Namespace): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace.name];
  await run('ip', [...where, '-batch', '-'], { input: `${commands.join('\n')}\n` });
}
