import { decodeDhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import { WireError } from '../../src/wire/wire-error.ts';
import { decodeTftpPacket } from '../../src/wire/tftp/tftp-packet.ts';
import { parseHttpBootTarget } from '../../src/services/http-boot-target.ts';
import { decodeRecord } from '../../src/store/record.ts';
import type { EreSpan } from '../../src/tftp/ere-groups.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { openDhcpMessage } from './targets/dhcp-wire.ts';
import { openHttpBoot } from './targets/http-boot.ts';
import { openRegex } from './targets/map-file.ts';
import { openStoreRecord } from './targets/store.ts';
import { openTftpPacket } from './targets/tftp.ts';

/** A mistake that somebody might make, in the place of the function that does it right, and the target that must find it. */
export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  readonly target: FuzzTarget;
}

function planted(name: string, target: string, what: string, open: FuzzTarget['open']): PlantedBug {
  return { name, what, target: { name: target, reads: what, open } };
}

/** None of this is in the program: the targets are made from the parser that they are given. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  planted(
    'dhcp-option-overrun',
    'dhcp-message',
    'the length of an option is believed, and the value goes on behind the datagram',
    () =>
      openDhcpMessage({
        decode: (datagram) => {
          try {
            return decodeDhcpMessage(datagram);
          } catch (error) {
            if (!(error instanceof WireError) || error.reason !== 'broken-options') throw error;
            return decodeDhcpMessage(new Uint8Array(datagram.buffer, datagram.byteOffset));
          }
        },
      }),
  ),
  planted(
    'tftp-short-ack',
    'tftp-packet',
    'the block number of an ACK is read without a look at the length',
    () =>
      openTftpPacket({
        decode: (bytes) => {
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          if (bytes[0] === 0 && bytes[1] === 4) return { kind: 'ack', block: view.getUint16(2) };
          return decodeTftpPacket(bytes);
        },
      }),
  ),
  planted(
    'regex-backtracks',
    'regex',
    "JavaScript's own expressions, which can be made to run for very long",
    () =>
      openRegex({
        compile: (pattern) => {
          // A limit to what is tried keeps the finding itself from running for ever.
          const expression = new RegExp(`^(?:${pattern.replace(/[^a-z()|*+?.^$]/g, '').slice(0, 40)})$`);
          return {
            match: (text) => {
              const match = expression.exec(text.slice(0, 30));
              const spans: readonly EreSpan[] = [{ start: 0, end: match?.[0].length ?? 0 }];
              return match === null ? { kind: 'none' } : { kind: 'match', spans };
            },
          };
        },
      }),
  ),
  planted('http-boot-decodes-twice', 'http-boot', '%XX is decoded once more after the path was checked', () =>
    openHttpBoot({
      parse: (target) => {
        const parsed = parseHttpBootTarget(target);
        if (parsed.kind === 'bad') return parsed;
        return { kind: 'name', name: parsed.name.replace(/%2e/gi, '.').replace(/%2f/gi, '/') };
      },
    }),
  ),
  planted('record-checksum-ignored', 'store-record', 'a record is taken whatever its checksum says', () =>
    openStoreRecord({
      decode: (key, bytes) => {
        const decoded = decodeRecord(key, bytes);
        if (decoded.kind === 'record' || bytes.length < 5) return decoded;
        return { kind: 'record', version: bytes[0] ?? 0, content: bytes.subarray(1, -4) };
      },
    }),
  ),
];
