import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { macToBytes, parseMac, type Mac } from '../../../src/addr/mac.ts';
import { parseAddressRange, parseSubnet } from '../../../src/addr/subnet.ts';
import type { Node, NodeLookup, NodePort, NodeUuid, Port } from '../../../src/boot/node.ts';
import { describeRequest, type DhcpRequest } from '../../../src/dhcp/dhcp-request.ts';
import type {
  DhcpSettings,
  RangeSettings,
  ReservationSettings,
  ScopeParameters,
  SubnetSettings,
} from '../../../src/dhcp/dhcp-settings.ts';
import type { LeaseChange } from '../../../src/dhcp/lease.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import type { Link } from '../../../src/dhcp/link.ts';
import type { Outcome, Reply, Silence } from '../../../src/dhcp/outcome.ts';
import { respond } from '../../../src/dhcp/responder.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import {
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../../src/wire/dhcp/dhcp-message.ts';

/** A moment in 2026; tests count from it. */
export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

export function mac(text: string): Mac {
  const address = parseMac(text);
  if (address === undefined) throw new Error(`${text} is no MAC`);
  return address;
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/gi) ?? [], (octet) => Number.parseInt(octet, 16));
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A scope that says only what the test is about. */
export function scope(parameters: Partial<ScopeParameters> = {}): ScopeParameters {
  return { options: new Map(), encapsulated: new Map(), ...parameters };
}

export function range(text: string, settings: Partial<RangeSettings> = {}): RangeSettings {
  const parsed = parseAddressRange(text);
  if (parsed === undefined) throw new Error(`${text} is no range`);
  return { range: parsed, dynamicBootp: false, allow: [], deny: [], parameters: scope(), ...settings };
}

export function subnet(
  text: string,
  ranges: readonly RangeSettings[],
  parameters: Partial<ScopeParameters> = {},
): SubnetSettings {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(`${text} is no subnet`);
  return { subnet: parsed, ranges, parameters: scope(parameters) };
}

/** Subnets, each on a wire of its own. */
export function alone(...subnets: readonly SubnetSettings[]): DhcpSettings['sharedNetworks'] {
  return subnets.map((each) => ({ name: undefined, subnets: [each], parameters: scope() }));
}

export function reservation(settings: Partial<ReservationSettings> & { mac?: string }): ReservationSettings {
  const { mac: card, ...rest } = settings;
  return {
    name: undefined,
    clientId: undefined,
    hardware: card === undefined ? undefined : { htype: 1, address: macToBytes(mac(card)) },
    fixedAddresses: [],
    hostName: undefined,
    parameters: scope(),
    ...rest,
  };
}

/** The application note's configuration, with values for options 128 and 129 as the conformance suite wants them. */
export function seedSettings(changes: Partial<DhcpSettings> = {}): DhcpSettings {
  return {
    mode: 'server',
    answer: 'all',
    serverPort: 67,
    clientPort: 68,
    parameters: scope({
      options: new Map([
        [128, bytes('e44574680000')],
        [129, ascii('console=ttyS0,115200')],
      ]),
      nextServer: ip('192.168.0.1'),
      filename: '/pxelinux.0',
      defaultLeaseSeconds: 600,
      maxLeaseSeconds: 7200,
      authoritative: true,
      pingCheck: true,
    }),
    sharedNetworks: alone(
      subnet('192.168.0.0/24', [range('192.168.0.128-192.168.0.254', { dynamicBootp: true })], {
        options: new Map([[28, bytes('c0a800ff')]]),
      }),
    ),
    classes: [],
    reservations: [],
    spaceCarriers: new Map(),
    offerHoldSeconds: 120,
    declineHoldSeconds: 86_400,
    ...changes,
  };
}

/** The seed's settings with other global parameters. */
export function withGlobals(
  parameters: Partial<ScopeParameters>,
  changes: Partial<DhcpSettings> = {},
): DhcpSettings {
  const settings = seedSettings(changes);
  return { ...settings, parameters: { ...settings.parameters, ...parameters } };
}

export const LINK: Link = {
  name: 'br-prov',
  serverAddress: ip('192.168.0.1'),
  addresses: [ip('192.168.0.1')],
  mtu: 1500,
  isLoopback: false,
  port: 'dhcp',
};

export function port(address: string, settings: Partial<Port> = {}): Port {
  return { address: mac(address), pxeEnabled: true, fixedAddress: undefined, extra: {}, ...settings };
}

export function node(settings: Partial<Node> & { ports: readonly Port[] }): Node {
  return {
    uuid: '1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f' as NodeUuid,
    name: undefined,
    bootMode: undefined,
    dhcpOptions: [],
    bmc: undefined,
    purpose: undefined,
    arch: undefined,
    managedBy: undefined,
    generation: 1,
    ...settings,
  };
}

/** A lookup among nodes without boot profiles. */
export function lookup(...nodes: readonly Node[]): NodeLookup {
  const find = (matches: (candidate: Port) => boolean): NodePort | undefined => {
    for (const each of nodes) {
      const found = each.ports.find(matches);
      if (found !== undefined) return { node: each, port: found, profile: undefined };
    }
    return undefined;
  };
  return {
    portByMac: (address) => find((candidate) => candidate.address === address),
    portByFixedAddress: (address) => find((candidate) => candidate.fixedAddress === address),
    nodeByUuid: (uuid) => {
      const found = nodes.find((each) => each.uuid === uuid);
      return found && { node: found, profile: undefined };
    },
  };
}

export interface ServerParts {
  readonly settings?: DhcpSettings;
  readonly nodes?: NodeLookup;
  readonly link?: Link;
}

/** A server without a wire: what goes in is decoded from octets, what comes out was encoded once. */
export class FakeServer {
  now = NOW;
  settings: DhcpSettings;
  nodes: NodeLookup;
  readonly ignored = new Set<Mac>();
  readonly isIgnored = (mac: Mac): boolean => this.ignored.has(mac);
  readonly link: Link;
  readonly leases: LeaseTable;

  constructor({ settings = seedSettings(), nodes = lookup(), link = LINK }: ServerParts = {}) {
    this.settings = settings;
    this.nodes = nodes;
    this.link = link;
    this.leases = new LeaseTable(allRanges(settings));
  }

  describe(message: DhcpMessage, link: Partial<Link> = {}): DhcpRequest {
    const decoded = decodeDhcpMessage(encodeDhcpMessage(message, Infinity));
    return describeRequest(decoded, { ...this.link, ...link });
  }

  /** Decides without consequences. */
  decide(message: DhcpMessage, link: Partial<Link> = {}): Outcome {
    const { now, settings, leases, nodes, isIgnored } = this;
    return respond(this.describe(message, link), { now, settings, leases, nodes, isIgnored });
  }

  /** Decides and takes the consequences; a reply is what its receiver would decode. */
  handle(message: DhcpMessage, link: Partial<Link> = {}): Outcome {
    const outcome = this.decide(message, link);
    this.leases.apply(outcome.changes, this.now);
    if (outcome.kind === 'silent') return outcome;
    const received = decodeDhcpMessage(encodeDhcpMessage(outcome.message, outcome.maximumLength));
    return { ...outcome, message: received };
  }

  reply(message: DhcpMessage, link: Partial<Link> = {}): Reply {
    const outcome = this.handle(message, link);
    if (outcome.kind === 'silent') throw new Error(`silent: ${outcome.reason}`);
    return outcome;
  }

  silence(message: DhcpMessage, link: Partial<Link> = {}): Silence {
    const outcome = this.handle(message, link);
    if (outcome.kind === 'reply') throw new Error(`answered: ${outcome.facts.replyType ?? ''}`);
    return outcome;
  }

  apply(changes: readonly LeaseChange[]): void {
    this.leases.apply(changes, this.now);
  }

  passSeconds(seconds: number): void {
    this.now += seconds * 1000;
  }
}

export type Options = readonly (readonly [number, Uint8Array])[];

/** What the conformance prober's clients ask for. */
export const PARAMETER_LIST = Uint8Array.of(1, 3, 6, 12, 15, 28, 51, 54, 58, 59, 66, 67, 128, 129);

let count = 0;

/** A machine that speaks DHCP; each has a card of its own. */
export class FakeClient {
  readonly mac: Mac;
  readonly clientId: Uint8Array | undefined;
  readonly extra: Options;
  readonly parameterList: Uint8Array | undefined;
  readonly header: Partial<DhcpMessage>;

  constructor(
    settings: {
      mac?: string;
      clientId?: Uint8Array;
      extra?: Options;
      parameterList?: Uint8Array | undefined;
      header?: Partial<DhcpMessage>;
    } = {},
  ) {
    count += 1;
    const serial = count.toString(16).padStart(6, '0').match(/../g) ?? [];
    this.mac = mac(settings.mac ?? `02:dc:00:${serial.join(':')}`);
    this.clientId = settings.clientId;
    this.extra = settings.extra ?? [];
    this.parameterList = 'parameterList' in settings ? settings.parameterList : PARAMETER_LIST;
    this.header = settings.header ?? {};
  }

  message(type: number | undefined, more: Options = [], header: Partial<DhcpMessage> = {}): DhcpMessage {
    const chaddr = new Uint8Array(16);
    chaddr.set(macToBytes(this.mac));
    const options = new Map<number, Uint8Array>();
    if (type !== undefined) options.set(53, Uint8Array.of(type));
    if (this.clientId !== undefined) options.set(61, this.clientId);
    for (const [code, value] of more) options.set(code, value);
    const asks = type === 1 || type === 3 || type === 8;
    if (asks && this.parameterList !== undefined) options.set(55, this.parameterList);
    for (const [code, value] of this.extra) options.set(code, value);
    return { ...EMPTY_MESSAGE, xid: 0x1234abcd, chaddr, options, ...this.header, ...header };
  }

  discover(more: Options = [], header: Partial<DhcpMessage> = {}): DhcpMessage {
    return this.message(1, more, header);
  }

  /** SELECTING. */
  select(address: Ipv4, server: Ipv4 = LINK.serverAddress, header: Partial<DhcpMessage> = {}): DhcpMessage {
    return this.message(3, [addressOption(54, server), addressOption(50, address)], header);
  }

  /** INIT-REBOOT. */
  reboot(address: Ipv4, header: Partial<DhcpMessage> = {}): DhcpMessage {
    return this.message(3, [addressOption(50, address)], header);
  }

  /** RENEWING and REBINDING. */
  renew(address: Ipv4, header: Partial<DhcpMessage> = {}): DhcpMessage {
    return this.message(3, [], { ciaddr: address, ...header });
  }

  decline(address: Ipv4, server: Ipv4 = LINK.serverAddress): DhcpMessage {
    return this.message(4, [addressOption(50, address), addressOption(54, server)]);
  }

  release(address: Ipv4, server: Ipv4 = LINK.serverAddress): DhcpMessage {
    return this.message(7, [addressOption(54, server)], { ciaddr: address });
  }

  inform(address: Ipv4): DhcpMessage {
    return this.message(8, [], { ciaddr: address });
  }

  bootp(header: Partial<DhcpMessage> = {}): DhcpMessage {
    return this.message(undefined, [], header);
  }

  /** DISCOVER and REQUEST; the address that was acknowledged. */
  bind(server: FakeServer, more: Options = [], header: Partial<DhcpMessage> = {}): Ipv4 {
    const offer = server.reply(this.discover(more, header)).message.yiaddr;
    return server.reply(this.select(offer, server.link.serverAddress, header)).message.yiaddr;
  }
}

export function addressOption(code: number, address: Ipv4): readonly [number, Uint8Array] {
  return [code, Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255)];
}
