import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { formatSubnet } from '../addr/subnet.ts';
import type { OutcomeFacts } from '../dhcp/outcome.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';

/** The facts of one request as fields of a log line; what is not known is left out. */
export function describeOutcome(facts: OutcomeFacts): Record<string, unknown> {
  const { firmware } = facts;
  return {
    request: facts.requestKind,
    interface: facts.interfaceName,
    xid: facts.xid.toString(16).padStart(8, '0'),
    mac: facts.mac ?? (facts.hardwareAddress.length > 0 ? formatOctets(facts.hardwareAddress) : undefined),
    address: optional(facts.address),
    relay: optional(facts.relayAddress),
    subnet: facts.subnet && formatSubnet(facts.subnet),
    node: facts.node,
    reservation: facts.reservation,
    classes: facts.classes.length > 0 ? facts.classes : undefined,
    hostname: facts.hostname,
    architecture: firmware?.architecture,
    ipxe: firmware?.isIpxe === true ? true : undefined,
    systemUuid: facts.machineUuid,
    leaseSeconds: facts.leaseSeconds,
    nextServer: optional(facts.nextServer),
    bootFile: facts.bootFile,
    withheldBootFile: facts.withheldBootFile,
    bootModeMismatch: facts.bootModeMismatch ? true : undefined,
    droppedOptions: facts.droppedOptions.length > 0 ? facts.droppedOptions : undefined,
    objection: facts.objection,
  };
}

/** One line for people: `ack 192.168.0.130 to 0c:c4:7a:0e:2b:6b, boot file /pxelinux.0`. */
export function describeReply({ replyType, address, mac, bootFile, objection }: OutcomeFacts): string {
  const what = [replyType, optional(address)].filter((part) => part !== undefined).join(' ');
  const whom = mac ?? 'a machine without an Ethernet card';
  const why = objection === undefined ? '' : `: ${objection}`;
  const boot = bootFile === undefined || objection !== undefined ? '' : `, boot file ${bootFile}`;
  return `${what} to ${whom}${boot}${why}`;
}

function optional(address: Ipv4 | undefined): string | undefined {
  return address === undefined ? undefined : formatIpv4(address);
}
