/** Algorithms that Ironic gives checksums in; MD5 says only that nothing was damaged on its way, not who made it. */
export const CHECKSUM_ALGORITHMS = ['md5', 'sha256', 'sha512'] as const;

export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** What the octets of an image must come to. */
export interface ImageChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Lower-case hex digits. */
  readonly digest: string;
}

const HEX_DIGITS: Readonly<Record<ChecksumAlgorithm, number>> = { md5: 32, sha256: 64, sha512: 128 };

/**
 * Reads `sha256:HEX`, `sha512:HEX` or `md5:HEX`; or the hex digits alone, as Ironic's `image_checksum` has them, where
 * their number tells the algorithm. Undefined for anything else.
 */
export function parseImageChecksum(text: string): ImageChecksum | undefined {
  const match = /^(?:([a-z0-9]+):)?([0-9a-f]+)$/i.exec(text.trim());
  const digest = match?.[2]?.toLowerCase() ?? '';
  const named = match?.[1]?.toLowerCase();
  const algorithm = CHECKSUM_ALGORITHMS.find(
    (candidate) => HEX_DIGITS[candidate] === digest.length && (named ?? candidate) === candidate,
  );
  return algorithm && { algorithm, digest };
}

/** The checksum as parseImageChecksum reads it. */
export function formatImageChecksum({ algorithm, digest }: ImageChecksum): string {
  return `${algorithm}:${digest}`;
}
