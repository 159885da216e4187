import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { AlgorithmNumbers } from '../wire/rmcp/rakp-message.ts';
import { WireError } from '../wire/wire-error.ts';

/** The hash under a suite's keyed codes. */
type Hash = 'sha1' | 'sha256';

/**
 * Which algorithms a session uses (IPMI 2.0 section 22.15.2). This file is the only one of the pure floor that
 * computes with node:crypto; all randomness comes in as an argument.
 */
export interface CipherSuite extends AlgorithmNumbers {
  readonly id: number;
  /** Of the key exchange; undefined: there is none, everybody may come in. */
  readonly hash: Hash | undefined;
  /** Octets of RAKP 4's integrity check value. */
  readonly exchangeCheckOctets: number;
  /** Octets of the authentication code of each packet; 0: packets have none. */
  readonly authCodeOctets: number;
  readonly encrypts: boolean;
}

const SHA1 = { hash: 'sha1', authentication: 1, exchangeCheckOctets: 12 } as const;
const SHA256 = { hash: 'sha256', authentication: 3, exchangeCheckOctets: 16 } as const;
const SIGNED_SHA1 = { integrity: 1, authCodeOctets: 12 } as const;
const SIGNED_SHA256 = { integrity: 4, authCodeOctets: 16 } as const;
const UNSIGNED = { integrity: 0, authCodeOctets: 0 } as const;
const AES = { confidentiality: 1, encrypts: true } as const;
const CLEAR = { confidentiality: 0, encrypts: false } as const;

/** Every suite that bootd can use. Those with MD5 or RC4 are left out: OpenSSL 3 has no RC4, and nobody misses them. */
const SUITES: readonly CipherSuite[] = [
  {
    id: 0,
    hash: undefined,
    authentication: 0,
    exchangeCheckOctets: 0,
    ...UNSIGNED,
    ...CLEAR,
  },
  { id: 1, ...SHA1, ...UNSIGNED, ...CLEAR },
  { id: 2, ...SHA1, ...SIGNED_SHA1, ...CLEAR },
  { id: 3, ...SHA1, ...SIGNED_SHA1, ...AES },
  { id: 15, ...SHA256, ...UNSIGNED, ...CLEAR },
  { id: 16, ...SHA256, ...SIGNED_SHA256, ...CLEAR },
  { id: 17, ...SHA256, ...SIGNED_SHA256, ...AES },
];

/** What is chosen from when nobody says otherwise, best first: only what authenticates and encrypts. */
export const TRUSTED_SUITES: readonly number[] = [17, 3];

/** Numbers of all suites that bootd can be told to use. */
export const SUITE_NUMBERS: readonly number[] = SUITES.map(({ id }) => id);

/** The suite with this number, if bootd can use it. */
export function cipherSuiteById(id: number): CipherSuite | undefined {
  return SUITES.find((suite) => suite.id === id);
}

/**
 * The numbers of the standard suites in the records of Get Channel Cipher Suites (IPMI 2.0 table 22-19). What cannot
 * be read ends the list; OEM records are passed over.
 */
export function parseSuiteRecords(records: Uint8Array): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < records.length; at += 1) {
    // Algorithm octets have their top bits clear, set to 01 or to 10; only a record begins with both set.
    if (records[at] === 0xc0) {
      const id = records[at + 1];
      if (id === undefined) break;
      found.push(id);
      at += 1;
    } else if (records[at] === 0xc1) {
      at += 4;
    }
  }
  return found;
}

/** The keyed code of the suite's key exchange over these octets; empty under suite 0. */
export function exchangeCode(suite: CipherSuite, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  if (suite.hash === undefined) return new Uint8Array();
  const code = createHmac(suite.hash, key);
  for (const part of parts) code.update(part);
  return code.digest();
}

/** Compares codes in a time that does not tell where they differ. */
export function codesEqual(expected: Uint8Array, found: Uint8Array): boolean {
  return expected.length === found.length && timingSafeEqual(expected, found);
}

/** The keys of a session's packets. */
export interface SessionKeys {
  /** Signs. */
  readonly integrityKey: Uint8Array;
  /** Encrypts. */
  readonly encryptionKey: Uint8Array;
}

/** Both constants are 20 octets long, for SHA-256 too: ipmitool and the controllers agree. */
const CONSTANT_OCTETS = 20;
const AES_KEY_OCTETS = 16;
const AES_BLOCK = 16;

/** The keys that follow from the session integrity key (IPMI 2.0 section 13.32). */
export function deriveSessionKeys(suite: CipherSuite, sessionIntegrityKey: Uint8Array): SessionKeys {
  const keyFor = (constant: number): Uint8Array =>
    exchangeCode(suite, sessionIntegrityKey, [new Uint8Array(CONSTANT_OCTETS).fill(constant)]);
  return { integrityKey: keyFor(1), encryptionKey: keyFor(2).subarray(0, AES_KEY_OCTETS) };
}

/** The authentication code of a packet; empty where the suite has none. */
export function packetCode(suite: CipherSuite, keys: SessionKeys, octets: Uint8Array): Uint8Array {
  return exchangeCode(suite, keys.integrityKey, [octets]).subarray(0, suite.authCodeOctets);
}

/** How many octets of randomness encryptPayload needs. */
export const IV_OCTETS = AES_BLOCK;

/** AES-CBC-128 with the padding of IPMI 2.0 section 13.29: 1, 2, 3, ... and the count of them. */
export function encryptPayload(keys: SessionKeys, iv: Uint8Array, payload: Uint8Array): Uint8Array {
  const padding = (AES_BLOCK - ((payload.length + 1) % AES_BLOCK)) % AES_BLOCK;
  const cipher = createCipheriv('aes-128-cbc', keys.encryptionKey, iv).setAutoPadding(false);
  const pad = Uint8Array.from({ length: padding + 1 }, (_, at) => (at < padding ? at + 1 : padding));
  return new Uint8Array(Buffer.concat([iv, cipher.update(payload), cipher.update(pad), cipher.final()]));
}

/** Undoes encryptPayload. Throws WireError for what is not whole blocks, or padded otherwise. */
export function decryptPayload(keys: SessionKeys, octets: Uint8Array): Uint8Array {
  if (octets.length < 2 * AES_BLOCK || octets.length % AES_BLOCK !== 0) {
    throw new WireError('bad-field', `an encrypted payload of ${octets.length} octets`);
  }
  const decipher = createDecipheriv(
    'aes-128-cbc',
    keys.encryptionKey,
    octets.subarray(0, AES_BLOCK),
  ).setAutoPadding(false);
  const clear = Buffer.concat([decipher.update(octets.subarray(AES_BLOCK)), decipher.final()]);
  const padding = clear[clear.length - 1] ?? 0;
  const length = clear.length - 1 - padding;
  // Some controllers pad with other octets than 1, 2, 3; the count is what matters, and the code has vouched for it.
  if (padding >= AES_BLOCK || length < 0) throw new WireError('bad-field', `padding of ${padding} octets`);
  return new Uint8Array(clear.subarray(0, length));
}
