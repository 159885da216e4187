import { isUefi } from '../boot/firmware.ts';
import type { RejectedRequest } from './dhcp-request.ts';
import { ethernetAddress } from './lease.ts';
import type { OutcomeFacts } from './outcome.ts';
import type { Situation } from './situation.ts';

const NO_FACTS = {
  replyType: undefined,
  clientKey: undefined,
  relayAddress: undefined,
  firmware: undefined,
  machineUuid: undefined,
  hostname: undefined,
  node: undefined,
  reservation: undefined,
  classes: [],
  address: undefined,
  subnet: undefined,
  leaseSeconds: undefined,
  nextServer: undefined,
  bootFile: undefined,
  withheldBootFile: undefined,
  bootModeMismatch: false,
  droppedOptions: [],
  objection: undefined,
} as const satisfies Partial<OutcomeFacts>;

/** What a situation tells, together with what was decided in it. */
export function situationFacts(situation: Situation, decided: Partial<OutcomeFacts>): OutcomeFacts {
  const { request, machine, classes, client } = situation;
  return {
    ...NO_FACTS,
    requestKind: request.kind,
    xid: request.message.xid,
    mac: request.mac,
    hardwareAddress: request.hardwareAddress,
    clientKey: client,
    interfaceName: request.link.name,
    relayAddress: request.relayAddress,
    firmware: request.firmware,
    machineUuid: request.machineUuid,
    hostname: request.hostname,
    node: machine.nodePort?.node.uuid,
    reservation: machine.reservation?.name,
    classes: classes.map(({ name }) => name),
    bootModeMismatch: isBootModeMismatch(situation),
    ...decided,
  };
}

/** What a message tells that nobody answers. */
export function rejectionFacts({ message, link }: RejectedRequest): OutcomeFacts {
  const hardwareAddress = message.chaddr.subarray(0, message.hlen);
  return {
    ...NO_FACTS,
    requestKind: 'rejected',
    xid: message.xid,
    mac: ethernetAddress(message.htype, hardwareAddress),
    hardwareAddress,
    interfaceName: link.name,
  };
}

/** Ironic picks the boot file by what the node is declared to be; firmware of the other kind will not run it. */
function isBootModeMismatch({ machine, request }: Situation): boolean {
  const declared = machine.nodePort?.node.bootMode;
  const { architecture } = request.firmware;
  return (
    declared !== undefined && architecture !== undefined && isUefi(architecture) !== (declared === 'uefi')
  );
}
