import { StatementFault, type TokenReader } from './token-reader.ts';

/** dhcpd's words for types of hardware, with their numbers in the IANA list "Hardware Types". */
const HARDWARE_NUMBERS = { ethernet: 1, 'token-ring': 6, fddi: 8, infiniband: 32 } as const;

/** `hardware TYPE ADDRESS;` */
export interface Hardware {
  readonly type: keyof typeof HARDWARE_NUMBERS | number;
  readonly address: Uint8Array;
}

/** chaddr has room for 16 octets (RFC 2131 section 2). */
const LONGEST_ADDRESS = 16;

/** The number that stands in `htype`. */
export function hardwareNumber({ type }: Hardware): number {
  return typeof type === 'number' ? type : HARDWARE_NUMBERS[type];
}

/** Reads what follows the word `hardware`, up to the end of the statement. Throws StatementFault. */
export function readHardware(reader: TokenReader): Hardware {
  const { place } = reader;
  const word = reader.takeWord('ethernet', 'token-ring', 'fddi', 'infiniband');
  const type = word ?? Number(/^unknown-(\d{1,3})$/i.exec(reader.readWord('a type of hardware'))?.[1]);
  if (typeof type === 'number' && !(type >= 1 && type <= 255)) {
    throw new StatementFault(place, 'bootd knows no such type of hardware');
  }
  const address = reader.readOctets('a hardware address');
  reader.readEnd();
  if (address.length > LONGEST_ADDRESS) {
    throw new StatementFault(place, `a hardware address has ${LONGEST_ADDRESS} octets at most`);
  }
  return { type, address };
}
