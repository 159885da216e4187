import type { FuzzInput } from './fuzz-target.ts';

/** What a fuzzer once found: the input that showed it, made small. Each is given to its target again in `npm test`. */
export interface FuzzFind {
  /** What was wrong. */
  readonly name: string;
  readonly target: string;
  readonly input: FuzzInput;
}

function octets(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** Newest last. */
export const FUZZ_FINDS: readonly FuzzFind[] = [
  {
    name: 'a lease file may end a lease in the year 667,000, which no date can hold: GET /v1/leases failed ever after',
    target: 'dhcpd-leases',
    input: 'lease 2.8.0.0{#\nends epoch 21000000000000;hardware ethernet c:8;}',
  },
  {
    name: 'a hardware type above 255 was taken from JSON, and dhcpd could not read what was written from it',
    target: 'lease-json',
    input:
      '[{"address":"2.8.0.1","state":"bound","hardware_type":907,"hardware_address":"68","bootp":true,' +
      '"starts_at":"2026-11-22T12:00:00Z","expires_at":null,"last_seen_at":"2026-11-22T12:00:00Z"}]',
  },
  {
    name: 'a hardware address of 300 octets was taken from JSON: its length does not fit the octet that the store has for it',
    target: 'lease-json',
    input:
      `[{"address":"2.8.0.1","state":"bound","hardware_type":1,"hardware_address":"68${':68'.repeat(299)}","bootp":true,` +
      '"starts_at":"2026-11-22T12:00:00Z","expires_at":null,"last_seen_at":"2026-11-22T12:00:00Z"}]',
  },
  {
    name: "'2-1.' was a time in JSON, in the zone of whoever read it",
    target: 'lease-json',
    input:
      '[{"address":"2.8.0.1","state":"bound","hardware_type":1,"hardware_address":"68","bootp":true,' +
      '"starts_at":"2-1.","expires_at":null,"last_seen_at":"2-1."}]',
  },
  {
    name: 'a lease record with times that no date can hold was taken as a lease',
    target: 'store-content',
    input: octets('00050401007a3e19d19ce0c4df33f3e9842f0000a7e23b3c19d19c0000'),
  },
  {
    name: 'a boot trace that ended at infinity was read, and could not be written again',
    target: 'trace-record',
    input:
      '{"version":1,"id":"1","mac":"52:54:00:00:00:01","startedAt":0,"lastAt":1e400,"phase":"","steps":[{"kind":"","at":1}]}',
  },
  {
    name: 'a node of generation 1e991 was read, and could not be written again',
    target: 'store-content',
    input: octets(
      '017b22223a22222c22706f727473223a5b7b2261646472657373223a22633a343a613a653a623a62222c22707865456e61626c6564223a747275652c226578747261223a7b7d7d5d2c22646863704f7074696f6e73223a5b5d2c2267656e65726174696f6e223a31653939317d',
    ),
  },
  {
    name: 'the log and the file FLUSHES are both gone: leases were missing, and nothing was said',
    target: 'store-folder',
    input: octets('001010101010101010101010'),
  },
];
