import { OPTION } from '../wire/dhcp/option-codes.ts';

/** Options that every reply works out for itself, whatever stands in a configuration, in a node, or in a client's list. */
export const COMPUTED_OPTIONS: ReadonlySet<number> = new Set<number>([
  0,
  255,
  OPTION.requestedAddress,
  OPTION.leaseTime,
  OPTION.overload,
  OPTION.messageType,
  OPTION.serverIdentifier,
  OPTION.parameterRequestList,
  OPTION.maximumMessageSize,
  OPTION.clientIdentifier,
  OPTION.relayAgentInformation,
  OPTION.clientMachineIdentifier,
]);
