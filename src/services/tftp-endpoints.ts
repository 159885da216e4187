import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { formatIpv4, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { parseIpv6 } from '../addr/ipv6.ts';
import { openKernelTransferSocket } from '../io/batched-transfer-socket.ts';
import { findInheritedSocket, type InheritedSocket } from '../io/inherited-sockets.ts';
import { ioErrorFrom, IoError } from '../io/io-error.ts';
import { accessLibc, type Libc } from '../io/libc.ts';
import { isLayoutKnown } from '../io/message-array.ts';
import { readNetworkInterface, type NetworkInterface } from '../io/network-interfaces.ts';
import { adoptPlainTransferSocket, openPlainTransferSocket } from '../io/plain-transfer-socket.ts';
import { describePortHolder } from '../io/port-holder.ts';
import type { TransferSocket } from '../io/transfer-socket.ts';
import { blockSizeForMtu } from '../tftp/negotiation.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { DataEndpoint, DataSocketSource } from './tftp-messages.ts';

/** One place where requests are heard, and what files are sent from it with. Nothing is open yet. */
export interface TftpEndpoint {
  /** Its place in the list of endpoints. */
  readonly id: number;
  /** For the log: `br-prov`, `192.168.0.1`. */
  readonly description: string;
  /** Octets of a DATA packet at most. */
  readonly blockSizeMax: number;
  /** What it has to do without, and why. */
  readonly limitations: readonly string[];
  /**
   * Opens the sockets that files are sent from, for a data plane to take over; once more for the next one. Throws
   * IoError.
   */
  openData(): DataEndpoint;
  /**
   * Opens the socket for requests; undefined in single-port mode, where the data plane hears them. Rejects with IoError.
   */
  openRequests(): Promise<TransferSocket | undefined>;
}

/** What decides about them. */
export interface TftpEndpointOptions {
  readonly settings: TftpSettings;
  readonly interfaces: readonly NetworkInterface[];
  readonly inherited: readonly InheritedSocket[];
}

/** A rack that powers on at once asks for a thousand files before we are told of the first. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Sockets that files are sent from, for each endpoint. Few, so that many transfers share a system call; more than
 * one, so that a client that uses its port again at once meets another port here.
 */
const DATA_SOCKETS = 4;

/** Of Ethernet, for an address that is on no interface. */
const ETHERNET_MTU = 1500;

const NO_KOFFI_ON_INTERFACE =
  'sockets are bound to the addresses of the interface, not to the interface itself, and send one packet a system call';

/** Where one endpoint is to be. */
interface Place {
  readonly description: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly address: Ipv4 | string;
  readonly device: string | undefined;
  readonly mtu: number;
  readonly inherited: InheritedSocket | undefined;
  readonly limitations: readonly string[];
}

/** Where TFTP is to be served. Throws IoError for an address that is none, or an interface that cannot be served. */
export function chooseTftpEndpoints(options: TftpEndpointOptions): readonly TftpEndpoint[] {
  const { port, portRange, singlePort, blockSizeMax } = options.settings;
  return choosePlaces(options).map((place, id) => ({
    id,
    description: place.description,
    blockSizeMax: blockSizeMax ?? blockSizeForMtu(place.mtu, place.family),
    limitations: place.limitations,
    openData: () => ({
      id,
      mtu: place.mtu,
      sockets: singlePort ? [requestSource(place, port)] : openDataSources(place, portRange),
    }),
    openRequests: () => (singlePort ? Promise.resolve(undefined) : openRequestSocket(place, port)),
  }));
}

function choosePlaces({ settings, interfaces, inherited }: TftpEndpointOptions): Place[] {
  if (settings.listen !== undefined) return settings.listen.map(placeOfAddress);
  return interfaces.flatMap((networkInterface) => placesOfInterface(networkInterface, inherited));
}

function placeOfAddress(text: string): Place {
  const ipv4 = parseIpv4(text);
  if (ipv4 === undefined && parseIpv6(text) === undefined) {
    throw new IoError('failed', `cannot listen on "${text}": it is no IPv4 or IPv6 address`);
  }
  const family = ipv4 === undefined ? 'ipv6' : 'ipv4';
  return {
    description: text,
    family,
    address: ipv4 ?? text,
    device: undefined,
    mtu: mtuOfAddress(text),
    inherited: undefined,
    limitations: [],
  };
}

/** One wildcard socket tied to the interface; without koffi, one socket for each of its addresses. */
function placesOfInterface(
  { name, mtu, addresses }: NetworkInterface,
  inherited: readonly InheritedSocket[],
): Place[] {
  const place = { description: name, family: 'ipv4', mtu, limitations: [] } as const;
  const handedOver = findInheritedSocket(inherited, 'tftp', name);
  if (kernelSockets() !== undefined || handedOver !== undefined) {
    return [{ ...place, address: UNSPECIFIED_IPV4, device: name, inherited: handedOver }];
  }
  if (addresses.length === 0) {
    throw new IoError(
      'unsupported',
      `cannot serve TFTP on ${name}: it has no address, and koffi is not there`,
    );
  }
  return addresses.map(({ address }) => ({
    ...place,
    description: `${name} (${formatIpv4(address)})`,
    address,
    device: undefined,
    inherited: undefined,
    limitations: [NO_KOFFI_ON_INTERFACE],
  }));
}

/** The socket for requests, in this thread: one datagram a turn, so that DHCP is served in between. */
async function openRequestSocket(place: Place, port: number): Promise<TransferSocket> {
  const source = requestSource(place, port);
  if (source.kind === 'descriptor') return adoptPlainTransferSocket(source.fd);
  const { family, address } = source;
  try {
    return await openPlainTransferSocket({ family, address, port, receiveBufferBytes: RECEIVE_BUFFER_BYTES });
  } catch (error) {
    throw explainBindFailure(error, port);
  }
}

function requestSource(place: Place, port: number): DataSocketSource {
  if (place.inherited !== undefined) {
    return { kind: 'descriptor', fd: place.inherited.fd, forwardRequests: true };
  }
  const libc = kernelSockets();
  if (libc === undefined || typeof place.address === 'string') {
    return plainSource(place, [port], true);
  }
  try {
    return { kind: 'descriptor', fd: openKernelSocket(libc, place, port), forwardRequests: true };
  } catch (error) {
    throw explainBindFailure(error, port);
  }
}

function openDataSources(place: Place, range: TftpSettings['portRange']): DataSocketSource[] {
  const libc = kernelSockets();
  const ports = range === undefined ? new Array<number>(DATA_SOCKETS).fill(0) : shufflePorts(range);
  if (libc === undefined || typeof place.address === 'string') {
    const count = Math.min(DATA_SOCKETS, ports.length);
    return Array.from({ length: count }, () => plainSource(place, ports, false));
  }
  const sources: DataSocketSource[] = [];
  for (const port of ports) {
    if (sources.length === DATA_SOCKETS) break;
    try {
      sources.push({ kind: 'descriptor', fd: openKernelSocket(libc, place, port), forwardRequests: false });
    } catch (error) {
      // One port of the range is enough.
      if (range === undefined || !(error instanceof IoError) || error.code !== 'address-in-use') throw error;
    }
  }
  if (sources.length > 0) return sources;
  throw new IoError(
    'address-in-use',
    `cannot send files: no UDP port from ${range?.first} to ${range?.last} is free`,
  );
}

function openKernelSocket(libc: Libc, { address, device }: Place, port: number): number {
  const ipv4 = typeof address === 'string' ? UNSPECIFIED_IPV4 : address;
  return openKernelTransferSocket(libc, {
    address: ipv4,
    port,
    device,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  });
}

function plainSource(
  { family, address }: Place,
  ports: readonly number[],
  forwardRequests: boolean,
): DataSocketSource & { readonly kind: 'plain' } {
  const text = typeof address === 'string' ? address : formatIpv4(address);
  return { kind: 'plain', family, address: text, ports, forwardRequests };
}

/** As in.tftpd has it: from a random port upwards, and around. */
function shufflePorts({ first, last }: { readonly first: number; readonly last: number }): number[] {
  const count = last - first + 1;
  const start = randomInt(count);
  return Array.from({ length: count }, (_, index) => first + ((start + index) % count));
}

/** The C library, where sockets can be made that Node cannot make, and be used in batches. */
function kernelSockets(): Libc | undefined {
  const access = accessLibc();
  return access.kind === 'available' && isLayoutKnown() ? access.libc : undefined;
}

function explainBindFailure(error: unknown, port: number): IoError {
  const failure = ioErrorFrom('cannot listen for TFTP', error);
  switch (failure.code) {
    case 'address-in-use':
      return new IoError(
        failure.code,
        `${failure.message}: ${describePortHolder(port)}`,
        failure.osCode,
        error,
      );
    case 'not-permitted': {
      const hint = 'ports below 1024 need root or CAP_NET_BIND_SERVICE';
      return new IoError(failure.code, `${failure.message}; ${hint}`, failure.osCode, error);
    }
    default:
      return failure;
  }
}

/** The smallest MTU of the interfaces that have the address; for a wildcard address, of all that face the network. */
function mtuOfAddress(text: string): number {
  const wanted = parseIpv4(text) ?? parseIpv6(text);
  const wildcard = wanted === UNSPECIFIED_IPV4 || wanted === parseIpv6('::');
  const mtus = Object.entries(networkInterfaces())
    .filter(([, addresses = []]) =>
      addresses.some(({ address, internal }) =>
        wildcard ? !internal : (parseIpv4(address) ?? parseIpv6(address)) === wanted,
      ),
    )
    .map(([name]) => readNetworkInterface(name)?.mtu ?? ETHERNET_MTU);
  return mtus.length === 0 ? ETHERNET_MTU : Math.min(...mtus);
}
