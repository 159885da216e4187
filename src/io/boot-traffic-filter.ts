import { ETHERNET_HEADER_SIZE } from './ethernet-frame.ts';
import type { FilterInstruction } from './packet-filter.ts';

/** The ports of the traffic to keep. */
export interface BootTrafficPorts {
  /** UDP ports to which everything is kept: DHCP's two, and TFTP's for requests. */
  readonly to: readonly number[];
  /** UDP ports from which everything is kept: a DHCP server may answer a relay at any port (RFC 8357). */
  readonly from: readonly number[];
  /** Whether the first answers of TFTP, which go from any port to any other, are kept: OACK, ERROR, and DATA 1. */
  readonly fileAnswers: boolean;
}

/** <linux/filter.h>: size and way of a load, jumps, and the end. */
const LOAD_OCTET = 0x30;
const LOAD_HALF_WORD = 0x28;
const LOAD_HALF_WORD_BEHIND_HEADER = 0x48;
const LOAD_HEADER_LENGTH = 0xb1;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;

/** SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: what the kernel knows of a frame besides its octets. */
const VLAN_TAG_PRESENT = 0xffff_f000 + 48;

const ETHERTYPE_OFFSET = 12;
const PROTOCOL_OFFSET = ETHERNET_HEADER_SIZE + 9;
const FRAGMENT_OFFSET = ETHERNET_HEADER_SIZE + 6;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_UDP = 17;

/** More fragments, and the offset of this one. */
const FRAGMENT_BITS = 0x3fff;

/** Behind the IP header, whatever its length. */
const SOURCE_PORT = ETHERNET_HEADER_SIZE;
const DESTINATION_PORT = ETHERNET_HEADER_SIZE + 2;
const TFTP_OPCODE = ETHERNET_HEADER_SIZE + 8;
const TFTP_BLOCK = ETHERNET_HEADER_SIZE + 10;

const OPCODE = { data: 3, error: 5, oack: 6 } as const;

/** A load, or a test whose outcome is the way on; the way on where nothing is said is the next step. */
type Step =
  | { readonly load: number; readonly at: number }
  | { readonly test: number; readonly value: number; readonly ifTrue?: Way; readonly ifFalse?: Way };
type Way = 'keep' | 'drop';

/**
 * Has the kernel drop all but boot traffic, so that the blocks of a rack's kernels and ramdisks, and everything else on a busy
 * wire, wake nobody. Frames with a VLAN tag belong to the wire of an interface of their own.
 */
export function bootTrafficFilter({ to, from, fileAnswers }: BootTrafficPorts): readonly FilterInstruction[] {
  const keepIfEqual = (value: number): Step => ({ test: JUMP_IF_EQUAL, value, ifTrue: 'keep' });
  return assemble([
    { load: LOAD_OCTET, at: VLAN_TAG_PRESENT },
    { test: JUMP_IF_EQUAL, value: 0, ifFalse: 'drop' },
    { load: LOAD_HALF_WORD, at: ETHERTYPE_OFFSET },
    { test: JUMP_IF_EQUAL, value: ETHERTYPE_IPV4, ifFalse: 'drop' },
    { load: LOAD_OCTET, at: PROTOCOL_OFFSET },
    { test: JUMP_IF_EQUAL, value: PROTOCOL_UDP, ifFalse: 'drop' },
    { load: LOAD_HALF_WORD, at: FRAGMENT_OFFSET },
    { test: JUMP_IF_ANY_BIT, value: FRAGMENT_BITS, ifTrue: 'drop' },
    { load: LOAD_HEADER_LENGTH, at: ETHERNET_HEADER_SIZE },
    { load: LOAD_HALF_WORD_BEHIND_HEADER, at: DESTINATION_PORT },
    ...to.map(keepIfEqual),
    { load: LOAD_HALF_WORD_BEHIND_HEADER, at: SOURCE_PORT },
    ...from.map(keepIfEqual),
    ...(fileAnswers
      ? [
          { load: LOAD_HALF_WORD_BEHIND_HEADER, at: TFTP_OPCODE },
          keepIfEqual(OPCODE.error),
          keepIfEqual(OPCODE.oack),
          { test: JUMP_IF_EQUAL, value: OPCODE.data, ifFalse: 'drop' } as const,
          { load: LOAD_HALF_WORD_BEHIND_HEADER, at: TFTP_BLOCK },
          keepIfEqual(1),
        ]
      : []),
  ]);
}

/** The steps, then the end for what is dropped, then that for what is kept. */
function assemble(steps: readonly Step[]): readonly FilterInstruction[] {
  const program = steps.map((step, position): FilterInstruction => {
    if ('load' in step) return [step.load, 0, 0, step.at];
    const distance = (way: Way | undefined): number => {
      if (way === undefined) return 0;
      return steps.length - position - (way === 'drop' ? 1 : 0);
    };
    return [step.test, distance(step.ifTrue), distance(step.ifFalse), step.value];
  });
  return [...program, [RETURN, 0, 0, 0], [RETURN, 0, 0, 0xffff]];
}
