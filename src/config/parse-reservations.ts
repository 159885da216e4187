import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { macToBytes, parseMac } from '../addr/mac.ts';
import { rangeContains, subnetContains } from '../addr/subnet.ts';
import type { ReservationSettings } from '../dhcp/dhcp-settings.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { itemsOf, type Located, type Place } from './located.ts';
import { encodeLocated } from './parse-options.ts';
import type { ParsedNetworks } from './parse-networks.ts';
import { parseAddress, parseScope, type DhcpContext, type LeaseTimes } from './parse-scope.ts';
import type { RawDhcp, RawReservation } from './raw-dhcp.ts';

/** Hardware types of the IANA list "Hardware Types" that dhcpd has words for. */
const HARDWARE_TYPES = { ethernet: 1, 'token-ring': 6, fddi: 8, infiniband: 32 } as const;

/** chaddr has room for 16 octets (RFC 2131 section 2). */
const LONGEST_HARDWARE_ADDRESS = 16;

const OCTETS = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2})*$/i;

/** Reads `reservations`; no two of them may mean the same machine. */
export function parseReservations(
  dhcp: Located<RawDhcp>,
  networks: ParsedNetworks,
  outer: LeaseTimes,
  context: DhcpContext,
): readonly ReservationSettings[] {
  const machines = new Map<string, Place>();
  const addresses = new Map<Ipv4, Place>();
  return itemsOf(dhcp.value.reservations).flatMap((written) => {
    const { parameters } = parseScope(written.value, outer, context);
    const hardware = readHardware(written, context);
    const clientId = readClientId(written.value['client-id'], context);
    const fixedAddresses = readFixedAddresses(written.value['fixed-address'], networks, addresses, context);
    if (!identifiesMachine(written)) {
      context.problems.error(
        written.place,
        "the reservation names no machine: it needs 'hardware-ethernet', 'hardware' or 'client-id'",
      );
    }
    if (hardware !== undefined) {
      const place = (written.value['hardware-ethernet'] ?? written.value.hardware ?? written).place;
      noteMachine(
        `${hardware.htype} ${formatOctets(hardware.address)}`,
        place,
        'hardware address',
        machines,
        context,
      );
    }
    if (clientId !== undefined) {
      const place = written.value['client-id']?.place ?? written.place;
      noteMachine(`id ${formatOctets(clientId)}`, place, 'client-id', machines, context);
    }
    const { name, 'host-name': hostName } = written.value;
    return [
      {
        name: name?.value,
        clientId,
        hardware,
        fixedAddresses,
        hostName: readHostName(hostName, context),
        parameters,
      },
    ];
  });
}

function identifiesMachine(written: Located<RawReservation>): boolean {
  const { 'hardware-ethernet': ethernet, hardware, 'client-id': clientId } = written.value;
  // What could not be read has been reported already.
  return written.incomplete || ethernet !== undefined || hardware !== undefined || clientId !== undefined;
}

function noteMachine(
  identity: string,
  place: Place,
  what: string,
  machines: Map<string, Place>,
  { problems }: DhcpContext,
): void {
  const first = machines.get(identity);
  if (first === undefined) machines.set(identity, place);
  else {
    problems.error(
      place,
      `the same ${what} is reserved in line ${first.line}; one reservation may list several addresses`,
    );
  }
}

function readHardware(
  written: Located<RawReservation>,
  { problems }: DhcpContext,
): ReservationSettings['hardware'] {
  const { 'hardware-ethernet': ethernet, hardware } = written.value;
  if (ethernet !== undefined && hardware !== undefined) {
    problems.error(hardware.keyPlace, "give either 'hardware-ethernet' or 'hardware'");
    return undefined;
  }
  if (ethernet !== undefined) {
    const mac = parseMac(ethernet.value);
    if (mac !== undefined) return { htype: HARDWARE_TYPES.ethernet, address: macToBytes(mac) };
    problems.error(
      ethernet.place,
      `'${ethernet.value}' is no MAC; write six octets such as 0c:c4:7a:0e:2b:6b`,
    );
  }
  if (hardware !== undefined) {
    const { type, address } = hardware.value;
    const octets = OCTETS.test(address.value) ? address.value.split(':') : [];
    if (octets.length > 0 && octets.length <= LONGEST_HARDWARE_ADDRESS) {
      const htype = typeof type.value === 'number' ? type.value : HARDWARE_TYPES[type.value];
      return { htype, address: Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16)) };
    }
    problems.error(
      address.place,
      `'${address.value}' is no hardware address of 1 to 16 octets such as 0c:c4:7a`,
    );
  }
  return undefined;
}

function readClientId(
  written: Located<RawReservation>['value']['client-id'],
  { problems }: DhcpContext,
): Uint8Array | undefined {
  if (written === undefined) return undefined;
  const octets = encodeLocated({ kind: 'string' }, written, problems);
  if (octets !== undefined && octets.length > 255) {
    problems.error(written.place, `a client-id holds 255 octets at most, this has ${octets.length}`);
    return undefined;
  }
  return octets;
}

function readHostName(written: Located<string> | undefined, { problems }: DhcpContext): string | undefined {
  if (written === undefined) return undefined;
  if (/^[a-z0-9_](?:[\w.-]*[a-z0-9_])?$/i.test(written.value) && written.value.length <= 255)
    return written.value;
  problems.error(written.place, `'${written.value}' cannot be a host name`);
  return undefined;
}

function readFixedAddresses(
  written: Located<string | string[]> | undefined,
  networks: ParsedNetworks,
  addresses: Map<Ipv4, Place>,
  context: DhcpContext,
): readonly Ipv4[] {
  if (written === undefined) return [];
  const list = typeof written.value === 'string' ? [written as Located<string>] : written.value;
  return list.flatMap((item) => {
    const address = parseAddress(item, context.problems);
    if (address === undefined) return [];
    warnOfUselessAddress(address, item.place, networks, context);
    const first = addresses.get(address);
    if (first === undefined) addresses.set(address, item.place);
    else {
      context.problems.warn(
        item.place,
        `${formatIpv4(address)} is also the fixed address in line ${first.line}`,
      );
    }
    return [address];
  });
}

function warnOfUselessAddress(
  address: Ipv4,
  place: Place,
  networks: ParsedNetworks,
  { problems }: DhcpContext,
): void {
  if (networks.areComplete && !networks.subnets.some(({ what }) => subnetContains(what, address))) {
    problems.warn(place, `${formatIpv4(address)} is in none of the subnets, so it is never given`);
  }
  const range = networks.ranges.find(({ what }) => rangeContains(what, address));
  if (range !== undefined) {
    problems.warn(
      place,
      `${formatIpv4(address)} lies in the range in line ${range.place.line}; the range leaves it to its machine`,
    );
  }
}
