import type { Mac } from '../addr/mac.ts';
import { NodeRegistry } from '../boot/node-registry.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { LeaseTable } from '../dhcp/lease-table.ts';
import type { Link } from '../dhcp/link.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import { systemClock } from '../io/clock.ts';
import type { UdpPort } from '../io/udp-port.ts';
import { FirmwareClient, type FirmwareStep } from '../probe/firmware-client.ts';
import { FIRMWARE_SHAPES } from '../probe/firmware-shapes.ts';
import { createLeaseStore } from '../store/lease-store.ts';
import { FORGETFUL_STORE } from '../store/forgetful-store.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { DhcpService } from './dhcp-service.ts';
import { describeLink, type DhcpWire } from './dhcp-wire.ts';
import type { DhcpReceiver, DhcpWireSource } from './dhcp-wires.ts';

/** How long the warm-up may take, and how many boots it plays at most. */
export interface WarmUpLimits {
  readonly budgetMs: number;
  readonly boots: number;
}

/** What was played. */
export interface WarmUpReport {
  readonly boots: number;
  /** Machines that came to an address; a strict configuration may give none to these. */
  readonly bound: number;
}

const DEFAULT_LIMITS: WarmUpLimits = { budgetMs: 250, boots: 2000 };

/** Machines that come back again and again, as many at a time. */
const MACHINES = 256;
const MACHINES_AT_ONCE = 16;

/** The turns of the event loop that the last machine needs to come to its address. */
const LAST_TURNS = 20;

/** A boot ROM that needs nothing but an address, and loses no time. */
const SHAPE = { ...FIRMWARE_SHAPES.bios, wish: 'address' } as const;
const TIMES = { retransmitMs: [0], leastDiscovers: 1, collectMs: 0 };

/**
 * Plays boots through a DHCP service of its own, with the settings at hand and nothing behind them: no socket, no
 * disk, no lease, node or count of the real ones. V8 compiles a function well only once it has run for a while; a rack that is
 * switched on right after a restart would else be answered ten times slower at first, just when it matters.
 */
export async function warmUpDhcp(
  settings: DhcpSettings,
  logLevel: string,
  limits: WarmUpLimits = DEFAULT_LIMITS,
): Promise<WarmUpReport> {
  const link = stageLink(settings);
  if (link === undefined) return { boots: 0, bound: 0 };
  const stage = new Stage(link);
  const service = new DhcpService({
    settings,
    wires: stage,
    leases: new LeaseTable(allRanges(settings)),
    store: createLeaseStore(FORGETFUL_STORE),
    nodes: new NodeRegistry(),
    clock: systemClock,
    logger: createLogger(logLevel, { write: () => undefined }),
    metrics: createMetrics('services'),
  });
  await service.start();
  const endsAt = performance.now() + limits.budgetMs;
  let boots = 0;
  while (boots < limits.boots && performance.now() < endsAt) {
    for (let count = 0; count < MACHINES_AT_ONCE; count += 1) {
      stage.enter(boots);
      boots += 1;
    }
    await endOfTurn();
  }
  for (let turn = 0; turn < LAST_TURNS; turn += 1) await endOfTurn();
  await service.stop();
  return { boots, bound: stage.bound };
}

/** A wire that leads nowhere but to the machines of the play, every other one of which is behind a relay. */
class Stage implements DhcpWireSource, DhcpWire, UdpPort {
  readonly problems: readonly string[] = [];
  readonly frames = undefined;
  readonly conflicts = undefined;
  readonly limitations: readonly string[] = [];
  readonly #link: Link;
  readonly #clients = new Map<number, FirmwareClient>();
  #receive: DhcpReceiver = () => undefined;
  bound = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  get link(): Link {
    return this.#link;
  }

  get port(): UdpPort {
    return this;
  }

  /** One machine begins to boot; the rest happens as the replies come. */
  enter(xid: number): void {
    const mac = `02:00:00:00:00:${(xid % MACHINES).toString(16).padStart(2, '0')}` as Mac;
    const machine = { mac, uuid: new Uint8Array(16) };
    const client = new FirmwareClient({ shape: SHAPE, machine, times: TIMES, xid });
    this.#clients.set(xid, client);
    this.#perform(client.start(0));
  }

  send(bytes: Uint8Array): Promise<void> {
    const message = decodeDhcpMessage(bytes);
    const client = this.#clients.get(message.xid);
    if (client !== undefined) {
      const steps = [...client.receive(message, 0), ...client.wake(0)];
      if (client.wakeAt === undefined) this.#clients.delete(message.xid);
      // As on a real wire, the client's next message is heard in a turn of its own.
      setImmediate(() => this.#perform(steps));
    }
    return Promise.resolve();
  }

  stopHearing(): Promise<void> {
    return Promise.resolve();
  }

  open(receive: DhcpReceiver): Promise<void> {
    this.#receive = receive;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  onDatagram(): void {
    // The play hands its messages to the service itself.
  }

  onError(): void {
    // A wire that leads nowhere has no errors.
  }

  strangerOn(): undefined {
    return undefined;
  }

  #perform(steps: readonly FirmwareStep[]): void {
    for (const step of steps) {
      if (step.kind === 'bound') this.bound += 1;
      if (step.kind !== 'send') continue;
      const giaddr = step.message.xid % 2 === 0 ? step.message.giaddr : this.#link.serverAddress;
      this.#receive(this, encodeDhcpMessage({ ...step.message, giaddr }), DHCP_CLIENT_PORT);
    }
  }
}

const DHCP_CLIENT_PORT = 68;

/** A wire on the first subnet that has ranges; undefined where nothing is given to anybody. */
function stageLink(settings: DhcpSettings): Link | undefined {
  const subnets = settings.sharedNetworks.flatMap((network) => network.subnets);
  const place = subnets.find(({ ranges }) => ranges.length > 0);
  const range = place?.ranges[0]?.range;
  if (place === undefined || range === undefined) return undefined;
  return describeLink(
    {
      name: 'warm-up',
      index: 0,
      mac: undefined,
      addresses: [{ address: range.first, subnet: place.subnet }],
      mtu: 1500,
      link: 'up',
      loopback: false,
      ethernet: true,
    },
    'dhcp',
  );
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
