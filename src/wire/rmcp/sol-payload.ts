import { ByteReader, ByteWriter } from '../cursor.ts';

/** A serial-over-LAN packet of the console (IPMI 2.0 table 15-2). */
export interface SolConsolePacket {
  /** 1 to 15; 0 for an acknowledgement alone. */
  readonly sequence: number;
  /** Sequence number of the packet that is acknowledged; 0: none. */
  readonly acknowledged: number;
  /** How many of its characters were taken. */
  readonly acceptedCount: number;
  /** Asks the controller to send a serial break. */
  readonly sendBreak: boolean;
  readonly characters: Uint8Array;
}

/** A serial-over-LAN packet of a management controller (IPMI 2.0 table 15-2). */
export interface SolBmcPacket {
  readonly sequence: number;
  readonly acknowledged: number;
  readonly acceptedCount: number;
  /** The controller could not take the console's packet, or only `acceptedCount` characters of it. */
  readonly refused: boolean;
  /** The serial port is somebody else's for now. */
  readonly unavailable: boolean;
  /** Serial over LAN has ended, by another console or by the controller. */
  readonly deactivated: boolean;
  /** Characters were lost before this packet. */
  readonly overrun: boolean;
  readonly breakDetected: boolean;
  readonly characters: Uint8Array;
}

const SEND_BREAK = 0x10;
const STATUS = {
  refused: 0x40,
  unavailable: 0x20,
  deactivated: 0x10,
  overrun: 0x08,
  breakDetected: 0x04,
} as const;

export function encodeSolPacket(packet: SolConsolePacket): Uint8Array {
  return new ByteWriter()
    .uint8(packet.sequence & 0x0f)
    .uint8(packet.acknowledged & 0x0f)
    .uint8(packet.acceptedCount)
    .uint8(packet.sendBreak ? SEND_BREAK : 0)
    .bytes(packet.characters)
    .finish();
}

/** Throws WireError when the four octets of the header are not there. */
export function decodeSolPacket(octets: Uint8Array): SolBmcPacket {
  const reader = new ByteReader(octets);
  const sequence = reader.uint8() & 0x0f;
  const acknowledged = reader.uint8() & 0x0f;
  const acceptedCount = reader.uint8();
  const status = reader.uint8();
  const has = (flag: keyof typeof STATUS): boolean => (status & STATUS[flag]) !== 0;
  return {
    sequence,
    acknowledged,
    acceptedCount,
    refused: has('refused'),
    unavailable: has('unavailable'),
    deactivated: has('deactivated'),
    overrun: has('overrun'),
    breakDetected: has('breakDetected'),
    characters: reader.rest(),
  };
}
