import { macToBytes, type Mac } from '../addr/mac.ts';
import { ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';

/** The machines that can be played; all but the last three are also keys of `filename-by-arch`. */
export const PROBE_ARCHITECTURES = [
  'bios',
  'uefi-x64',
  'uefi-ia32',
  'uefi-arm64',
  'uefi-http-x64',
  'ipxe',
  'bios-undi',
  'bootp',
  'linux',
] as const;

export type ProbeArchitecture = (typeof PROBE_ARCHITECTURES)[number];

/** A kind of DHCP client: an architecture that can be asked for, or iPXE as the EFI program that a firmware loaded. */
export type FirmwareShapeName = ProbeArchitecture | 'ipxe-efi';

/** The card of the machine that is played, and the UUID of its mainboard in the 16 octets of option 97. */
export interface ProbeMachine {
  readonly mac: Mac;
  readonly uuid: Uint8Array;
}

/** When a client sends, and how long it listens; milliseconds. */
export interface FirmwareTimes {
  /** Wait after the first, second, ... DISCOVER without an offer, and after each REQUEST; then the client gives up. */
  readonly retransmitMs: readonly number[];
  /** DISCOVERs that are sent even when an offer is already here. */
  readonly leastDiscovers: number;
  /** From the first DISCOVER on, how long offers are collected before one is taken. */
  readonly collectMs: number;
}

/** Which offer a client takes. */
export type OfferWish =
  /** Any: it has a use for an address alone. */
  | 'address'
  /** Only one with a boot file (PXE-E16 otherwise). */
  | 'boot-file'
  /** Only one that answers `HTTPClient` and names a URL. */
  | 'url';

/** Everything that can be seen of a client on the wire, besides the machine that it runs on. */
export interface FirmwareShape {
  /** For people. */
  readonly title: string;
  readonly protocol: 'dhcp' | 'bootp';
  /** Asks for broadcast replies (RFC 2131 section 2). */
  readonly broadcast: boolean;
  /** `secs` of the n-th message of an exchange, counted from 1. */
  readonly secs: (transmission: number) => number;
  /** Options in the order of the wire, DISCOVER and REQUEST. */
  readonly discoverOrder: readonly number[];
  readonly requestOrder: readonly number[];
  /** Values that do not depend on the machine or the offer. */
  readonly constants: ReadonlyMap<number, Uint8Array>;
  /** Option 57 of a REQUEST where it is not that of the DISCOVER. */
  readonly requestMaximumSize?: number;
  readonly wish: OfferWish;
  readonly times: FirmwareTimes;
}

/** What a REQUEST names besides what a DISCOVER says. */
export interface ChosenOffer {
  readonly address: Ipv4;
  readonly serverIdentifier: Ipv4;
}

const {
  messageType,
  requestedAddress,
  serverIdentifier,
  parameterRequestList,
  maximumMessageSize,
  vendorClassIdentifier,
  clientIdentifier,
  userClass,
  clientSystemArchitecture,
  clientNetworkInterface,
  clientMachineIdentifier,
  ipxeEncapsulated,
} = OPTION;

const word = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 0xff);
const octets = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const NO_SECS = (): number => 0;

/** 4, 10, 18 were captured; the captures do not say how it goes on, and this polynomial goes through them. */
const IPXE_SECS = (transmission: number): number => transmission * (transmission + 3);

/** iPXE doubles from 1 s; it sends a second DISCOVER although an offer is here, and waits 3 s for a ProxyDHCP. */
const IPXE_TIMES: FirmwareTimes = {
  retransmitMs: [1000, 2000, 4000, 8000],
  leastDiscovers: 2,
  collectMs: 3000,
};

/** The UEFI specification's waits for Dhcp() of the PXE base code; OVMF was seen to collect for 2.7 to 3.9 s. */
const UEFI_TIMES: FirmwareTimes = {
  retransmitMs: [4000, 8000, 16_000, 32_000],
  leastDiscovers: 1,
  collectMs: 3000,
};

const IPXE_PARAMETERS = octets('010306070c0f111a2b3c4243778081828384858687afcb');
const OVMF_PXE_PARAMETERS = octets('0102030405060c0d0f111216171c28292a2b3233363a3b3c4243618081828384858687');
const OVMF_HTTP_PARAMETERS = octets('0102030405060c0d0f111216171c28292a2b3233363a3b3ceb4361');
/** PXE 2.1 section 2.2.5.1 and what boot agents of card makers list. */
const UNDI_PARAMETERS = octets('0102030405060b0c0d0f10111216171c28292a2b3233363a3b3c42438081828384858687');

/** The bus identifier of a virtio card, iPXE 1.0.0, and one flag for each feature that this build has. */
const IPXE_FEATURES_BIOS = octets(
  'b105011af41000eb03010000170101220101130101110101270101190101290101100102210101150101180101120101',
);
const IPXE_FEATURES_EFI = octets(
  'b105011af41000eb030100001701012401011301011101012701012901011501011b0101120101',
);

const IPXE_DISCOVER_ORDER = [
  messageType,
  maximumMessageSize,
  clientSystemArchitecture,
  clientNetworkInterface,
  vendorClassIdentifier,
  userClass,
  parameterRequestList,
  ipxeEncapsulated,
  clientIdentifier,
  clientMachineIdentifier,
];

const OVMF_IDENTITY_ORDER = [
  maximumMessageSize,
  parameterRequestList,
  clientMachineIdentifier,
  clientNetworkInterface,
  clientSystemArchitecture,
  vendorClassIdentifier,
];

function ipxeShape(build: {
  readonly title: string;
  readonly broadcast: boolean;
  readonly architecture: number;
  readonly interface: string;
  readonly features: Uint8Array;
}): FirmwareShape {
  return {
    title: build.title,
    protocol: 'dhcp',
    broadcast: build.broadcast,
    secs: IPXE_SECS,
    discoverOrder: IPXE_DISCOVER_ORDER,
    requestOrder: [...IPXE_DISCOVER_ORDER, serverIdentifier, requestedAddress],
    constants: new Map([
      [maximumMessageSize, word(1472)],
      [clientSystemArchitecture, word(build.architecture)],
      [clientNetworkInterface, octets(build.interface)],
      [vendorClassIdentifier, vendorClass('PXEClient', build.architecture, build.interface)],
      // Bare text, without the length octet of RFC 3004.
      [userClass, text('iPXE')],
      [parameterRequestList, IPXE_PARAMETERS],
      [ipxeEncapsulated, build.features],
    ]),
    wish: 'address',
    times: IPXE_TIMES,
  };
}

function ovmfShape(title: string, kind: 'PXEClient' | 'HTTPClient', architecture: number): FirmwareShape {
  const interfaceIdentifier = '010300';
  return {
    title,
    protocol: 'dhcp',
    broadcast: true,
    secs: NO_SECS,
    discoverOrder: [messageType, ...OVMF_IDENTITY_ORDER],
    requestOrder: [messageType, serverIdentifier, requestedAddress, ...OVMF_IDENTITY_ORDER],
    constants: new Map([
      [maximumMessageSize, word(1472)],
      [parameterRequestList, kind === 'PXEClient' ? OVMF_PXE_PARAMETERS : OVMF_HTTP_PARAMETERS],
      [clientNetworkInterface, octets(interfaceIdentifier)],
      [clientSystemArchitecture, word(architecture)],
      [vendorClassIdentifier, vendorClass(kind, architecture, interfaceIdentifier)],
    ]),
    ...(kind === 'PXEClient' ? { requestMaximumSize: 65_280 } : {}),
    wish: kind === 'PXEClient' ? 'boot-file' : 'url',
    times: UEFI_TIMES,
  };
}

/** `PXEClient:Arch:00007:UNDI:003000`: option 93 and the two version octets of option 94, three digits each. */
function vendorClass(
  kind: 'PXEClient' | 'HTTPClient',
  architecture: number,
  interfaceIdentifier: string,
): Uint8Array {
  const [, major = 0, minor = 0] = octets(interfaceIdentifier);
  const digits = (value: number, count: number): string => String(value).padStart(count, '0');
  return text(`${kind}:Arch:${digits(architecture, 5)}:UNDI:${digits(major, 3)}${digits(minor, 3)}`);
}

const UNDI_DISCOVER_ORDER = [
  messageType,
  parameterRequestList,
  maximumMessageSize,
  clientMachineIdentifier,
  clientSystemArchitecture,
  clientNetworkInterface,
  vendorClassIdentifier,
];

/**
 * What each client puts on the wire. All but `bios-undi`, `bootp` and the 32-bit and ARM forms of OVMF's were
 * captured: SeaBIOS with iPXE's option ROM, undionly.kpxe, OVMF 2022.11, ipxe.efi, udhcpc of busybox 1.35.
 */
export const FIRMWARE_SHAPES: Readonly<Record<FirmwareShapeName, FirmwareShape>> = {
  bios: ipxeShape({
    title: "BIOS, iPXE's option ROM",
    broadcast: false,
    architecture: 0,
    interface: '010201',
    features: IPXE_FEATURES_BIOS,
  }),
  'bios-undi': {
    title: 'BIOS, PXE 2.1 ROM of a card maker',
    protocol: 'dhcp',
    broadcast: true,
    secs: (transmission) => 4 * transmission,
    discoverOrder: UNDI_DISCOVER_ORDER,
    requestOrder: [messageType, requestedAddress, serverIdentifier, ...UNDI_DISCOVER_ORDER.slice(1)],
    constants: new Map([
      [parameterRequestList, UNDI_PARAMETERS],
      [maximumMessageSize, word(1260)],
      [clientSystemArchitecture, word(0)],
      [clientNetworkInterface, octets('010201')],
      [vendorClassIdentifier, vendorClass('PXEClient', 0, '010201')],
    ]),
    wish: 'boot-file',
    times: { retransmitMs: [4000, 8000, 16_000, 32_000], leastDiscovers: 1, collectMs: 3000 },
  },
  'uefi-x64': ovmfShape('UEFI x64 (OVMF)', 'PXEClient', 7),
  'uefi-ia32': ovmfShape('UEFI ia32', 'PXEClient', 6),
  'uefi-arm64': ovmfShape('UEFI arm64', 'PXEClient', 11),
  'uefi-http-x64': ovmfShape('UEFI x64, HTTP boot (OVMF)', 'HTTPClient', 16),
  ipxe: ipxeShape({
    title: 'iPXE (undionly.kpxe)',
    broadcast: true,
    architecture: 0,
    interface: '010201',
    features: IPXE_FEATURES_BIOS,
  }),
  'ipxe-efi': ipxeShape({
    title: 'iPXE (ipxe.efi)',
    broadcast: false,
    architecture: 7,
    interface: '01030a',
    features: IPXE_FEATURES_EFI,
  }),
  bootp: {
    title: 'BOOTP',
    protocol: 'bootp',
    broadcast: false,
    secs: (transmission) => 4 * (transmission - 1),
    discoverOrder: [],
    requestOrder: [],
    constants: new Map(),
    wish: 'address',
    times: { retransmitMs: [4000, 8000, 16_000, 32_000], leastDiscovers: 1, collectMs: 0 },
  },
  linux: {
    title: 'Linux (udhcpc)',
    protocol: 'dhcp',
    broadcast: false,
    secs: NO_SECS,
    discoverOrder: [
      messageType,
      maximumMessageSize,
      parameterRequestList,
      vendorClassIdentifier,
      clientIdentifier,
    ],
    requestOrder: [
      messageType,
      requestedAddress,
      serverIdentifier,
      maximumMessageSize,
      parameterRequestList,
      vendorClassIdentifier,
      clientIdentifier,
    ],
    constants: new Map([
      [maximumMessageSize, word(576)],
      [parameterRequestList, octets('0103060c0f1c2a')],
      [vendorClassIdentifier, text('udhcp 1.35.0')],
    ]),
    wish: 'address',
    times: { retransmitMs: [3000, 3000, 3000], leastDiscovers: 1, collectMs: 0 },
  },
};

const ETHERNET = 1;
const UUID_TYPE = 0;

/** The options of a DISCOVER, or of the REQUEST for an offer, as this client on that machine orders them. */
export function firmwareOptions(
  shape: FirmwareShape,
  machine: ProbeMachine,
  type: number,
  chosen: ChosenOffer | undefined,
): ReadonlyMap<number, Uint8Array> {
  const values = new Map<number, Uint8Array>([
    ...shape.constants,
    [messageType, Uint8Array.of(type)],
    [clientIdentifier, Uint8Array.of(ETHERNET, ...macToBytes(machine.mac))],
    [clientMachineIdentifier, Uint8Array.of(UUID_TYPE, ...machine.uuid)],
  ]);
  if (chosen !== undefined) {
    values.set(requestedAddress, ipv4ToBytes(chosen.address));
    values.set(serverIdentifier, ipv4ToBytes(chosen.serverIdentifier));
    if (shape.requestMaximumSize !== undefined)
      values.set(maximumMessageSize, word(shape.requestMaximumSize));
  }
  const ordered = new Map<number, Uint8Array>();
  for (const code of chosen === undefined ? shape.discoverOrder : shape.requestOrder) {
    const value = values.get(code);
    if (value !== undefined) ordered.set(code, value);
  }
  return ordered;
}
