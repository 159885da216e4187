import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** A command for a management controller, without what the wire adds. Logical unit 0 is meant unless `lun` says so. */
export interface IpmiRequest {
  /** Network function of the request, even. */
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
  readonly lun?: number;
}

/** What a management controller answered. */
export interface IpmiResponse {
  /** 0 is success; formatCompletionCode has the words. */
  readonly completionCode: number;
  readonly data: Uint8Array;
}

/** A response as it came, with what tells which request it belongs to. */
export interface IpmiResponseMessage extends IpmiResponse {
  /** Network function of the response: that of the request, plus one. */
  readonly netFn: number;
  readonly command: number;
  /** Sequence number of the request, 0 to 63. */
  readonly sequence: number;
}

/** The management controller itself, behind its LAN channel (IPMI 2.0 section 5.5). */
const BMC_ADDRESS = 0x20;
/** The address that remote console software has by convention. */
const CONSOLE_ADDRESS = 0x81;

/** The octets of a request (IPMI 2.0 table 13-8); `sequence` is 0 to 63. */
export function encodeIpmiRequest(request: IpmiRequest, sequence: number): Uint8Array {
  const target = [BMC_ADDRESS, (request.netFn << 2) | (request.lun ?? 0)];
  const rest = [CONSOLE_ADDRESS, (sequence & 0x3f) << 2, request.command, ...request.data];
  return new ByteWriter()
    .bytes(Uint8Array.from(target))
    .uint8(checksum(target))
    .bytes(Uint8Array.from(rest))
    .uint8(checksum(rest))
    .finish();
}

/** Reads a response. Throws WireError for octets that are none, for a request, and for a wrong checksum. */
export function decodeIpmiResponse(octets: Uint8Array): IpmiResponseMessage {
  const reader = new ByteReader(octets);
  const target = reader.bytes(2);
  if (reader.uint8() !== checksum(target)) throw new WireError('bad-checksum', 'header of an IPMI message');
  const rest = reader.bytes(reader.remaining - 1);
  if (reader.uint8() !== checksum(rest)) throw new WireError('bad-checksum', 'IPMI message');
  const netFn = (target[1] ?? 0) >> 2;
  if ((netFn & 1) === 0) throw new WireError('wrong-direction', 'an IPMI request to the console');
  const body = new ByteReader(rest);
  body.skip(1);
  const sequence = body.uint8() >> 2;
  const command = body.uint8();
  const completionCode = body.uint8();
  return { netFn, sequence, command, completionCode, data: body.rest() };
}

/** The two's complement of the sum (IPMI 2.0 section 13.8). */
function checksum(octets: Iterable<number>): number {
  let sum = 0;
  for (const octet of octets) sum += octet;
  return -sum & 0xff;
}
