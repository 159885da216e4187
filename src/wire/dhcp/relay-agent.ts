import { ipv4FromBytes, type Ipv4 } from '../../addr/ipv4.ts';
import { WireError } from '../wire-error.ts';
import type { OptionMap } from './dhcp-options.ts';
import { decodeEncapsulated } from './encapsulated-options.ts';

/** Sub-options of option 82 that mean something to a server. */
export const RELAY_SUB_OPTION = {
  /** RFC 3046 section 3.1. */
  circuitId: 1,
  /** RFC 3046 section 3.2. */
  remoteId: 2,
  /** RFC 3527 section 3. */
  linkSelection: 5,
  /** RFC 3993. */
  subscriberId: 6,
  /** RFC 5107: the relay stands for the server, which then calls itself by this address. */
  serverIdentifierOverride: 11,
  /** RFC 8357: the reply goes to the port that the relay sent from. */
  sourcePort: 19,
} as const;

/** What a relay says about where a client is attached. */
export interface RelayAgentInformation {
  /** The whole value, to be echoed as it is (RFC 3046 section 2.2). */
  readonly raw: Uint8Array;
  readonly subOptions: OptionMap;
  readonly circuitId: Uint8Array | undefined;
  readonly remoteId: Uint8Array | undefined;
  /** An address of the client's link where giaddr is on another one. */
  readonly linkSelection: Ipv4 | undefined;
  readonly serverIdentifierOverride: Ipv4 | undefined;
  readonly asksForSourcePort: boolean;
}

/**
 * Reads option 82. Broken sub-options make it a value of which nothing is known but its octets: it is echoed all the
 * same, since the relay that wrote it wants it back.
 */
export function describeRelayAgentInformation(raw: Uint8Array): RelayAgentInformation {
  const subOptions = subOptionsOf(raw);
  const address = (code: number): Ipv4 | undefined =>
    ipv4FromBytes(subOptions.get(code) ?? raw.subarray(0, 0));
  return {
    raw,
    subOptions,
    circuitId: subOptions.get(RELAY_SUB_OPTION.circuitId),
    remoteId: subOptions.get(RELAY_SUB_OPTION.remoteId),
    linkSelection: address(RELAY_SUB_OPTION.linkSelection),
    serverIdentifierOverride: address(RELAY_SUB_OPTION.serverIdentifierOverride),
    asksForSourcePort: subOptions.has(RELAY_SUB_OPTION.sourcePort),
  };
}

function subOptionsOf(raw: Uint8Array): OptionMap {
  try {
    return decodeEncapsulated(raw, 'none');
  } catch (error) {
    if (error instanceof WireError) return new Map();
    throw error;
  }
}
