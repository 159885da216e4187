/**
 * Why an image cannot be had.
 *
 * - `source-failed`: nobody answers, a status that is no success, silence, too slow, fewer octets than announced
 * - `checksum-mismatch`: the octets are not those that were asked for
 * - `no-room`: the cache is full of what profiles use, or the disk is
 */
export type ImageErrorCode = 'source-failed' | 'checksum-mismatch' | 'no-room';

/** An image that cannot be had. The message is a whole sentence for people, without a full stop. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
