import { isUefi } from '../boot/firmware.ts';
import type { RejectedRequest } from './dhcp-request.ts';
import { ethernetAddress } from './lease.ts';
import type { OutcomeFacts } from './outcome.ts';
import type { Situation } from './situation.ts';

/** What was decided, besides what the situation tells. */
export type DecidedFacts = Partial<
  Pick<
    OutcomeFacts,
    'address' | 'subnet' | 'leaseSeconds' | 'nextServer' | 'bootFile' | 'withheldBootFile' | 'objection'
  >
>;

const NONE: readonly never[] = [];

/** What a situation tells, together with what was decided in it, and which reply that became. */
export function situationFacts(
  situation: Situation,
  decided: DecidedFacts,
  replyType?: OutcomeFacts['replyType'],
  droppedOptions: readonly number[] = NONE,
): OutcomeFacts {
  const { request, machine, classes, client } = situation;
  return {
    requestKind: request.kind,
    replyType,
    xid: request.message.xid,
    mac: request.mac,
    hardwareAddress: request.hardwareAddress,
    clientKey: client,
    interfaceName: request.link.name,
    relayAddress: request.relayAddress,
    serverIdentifier: request.serverIdentifier,
    firmware: request.firmware,
    machineUuid: request.machineUuid,
    hostname: request.hostname,
    node: machine.nodePort?.node.uuid,
    reservation: machine.reservation?.name,
    classes: classes.length === 0 ? NONE : classes.map(({ name }) => name),
    address: decided.address,
    subnet: decided.subnet,
    leaseSeconds: decided.leaseSeconds,
    nextServer: decided.nextServer,
    bootFile: decided.bootFile,
    withheldBootFile: decided.withheldBootFile,
    bootModeMismatch: isBootModeMismatch(situation),
    droppedOptions,
    objection: decided.objection,
  };
}

/** What a message tells that nobody answers. */
export function rejectionFacts({ message, link }: RejectedRequest): OutcomeFacts {
  const hardwareAddress = message.chaddr.subarray(0, message.hlen);
  return {
    requestKind: 'rejected',
    replyType: undefined,
    xid: message.xid,
    mac: ethernetAddress(message.htype, hardwareAddress),
    hardwareAddress,
    clientKey: undefined,
    interfaceName: link.name,
    relayAddress: undefined,
    serverIdentifier: undefined,
    firmware: undefined,
    machineUuid: undefined,
    hostname: undefined,
    node: undefined,
    reservation: undefined,
    classes: NONE,
    address: undefined,
    subnet: undefined,
    leaseSeconds: undefined,
    nextServer: undefined,
    bootFile: undefined,
    withheldBootFile: undefined,
    bootModeMismatch: false,
    droppedOptions: NONE,
    objection: undefined,
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
