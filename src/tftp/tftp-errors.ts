/** Error codes of RFC 1350 section 5 and, for 8, RFC 2347. Code 5 is never sent to a stray peer; see `Transfer`. */
export type TftpErrorCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What an ERROR packet says. */
export interface TftpError {
  readonly code: TftpErrorCode;
  readonly message: string;
}

/**
 * Every refusal that a client can be sent, by its reason. Codes and texts are in.tftpd's, to the letter: admins
 * search for them and loaders print them. Where tftpd-hpa sends the text of `strerror`, the text is glibc's in the
 * C locale. The reasons are our own; they are values of the metric `bootd_tftp_refusals_total`.
 */
export const TFTP_ERRORS = {
  /** A rule `a` of the map-file without a text of its own. */
  'map-rule': { code: 2, message: 'Access denied' },
  /** The map-file did not come to an end within its limit of steps. */
  'map-limit': { code: 2, message: 'Remap table failure' },
  /** Without `secure`, a name must begin with a slash. */
  'relative-name': { code: 2, message: 'Only absolute filenames allowed' },
  /** Without `secure`, `/../` inside the name. */
  'reverse-path': { code: 2, message: 'Reverse path not allowed' },
  /** The name does not lie below an allowed folder. */
  'forbidden-directory': { code: 2, message: 'Forbidden directory' },
  /** A symbolic link leads out of the root and of the trusted targets, or a name only begins as the root does. */
  'outside-root': { code: 2, message: 'Access denied' },
  /** A device, socket or FIFO; in.tftpd would block in open(2). */
  'not-a-file': { code: 2, message: 'Access denied' },
  /** Any WRQ: nothing is ever written. */
  'write-request': { code: 2, message: 'Access denied' },
  /** ENOENT, ENOTDIR, a dangling link, the empty name in secure mode. */
  'not-found': { code: 1, message: 'File not found' },
  /** EACCES, EPERM: the daemon's own user may not read it. */
  'permission-denied': { code: 0, message: 'Permission denied' },
  /** Without `permissive`, the file lacks the permission to read for everybody. */
  'not-world-readable': { code: 2, message: 'File must have global read permissions' },
  directory: { code: 0, message: 'Is a directory' },
  /** ELOOP. */
  'symlink-loop': { code: 0, message: 'Too many levels of symbolic links' },
  /** ENAMETOOLONG: more than 255 octets in a component or 4095 in the path. */
  'name-too-long': { code: 0, message: 'File name too long' },
  /** EIO, and what no other row describes. */
  'read-failed': { code: 0, message: 'Input/output error' },
  /** EMFILE, ENFILE. */
  'too-many-files': { code: 0, message: 'Too many open files' },
  /** Not `octet` and not `netascii`, in any case. */
  'unknown-mode': { code: 4, message: 'Unknown mode' },
  /** No mode, or no name. */
  'missing-mode': { code: 4, message: 'Missing mode' },
  'not-terminated': { code: 4, message: 'Request not null-terminated' },
  /** A known option with a value out of its range (RFC 2347). */
  'bad-option': { code: 8, message: 'Unsupported option(s) requested' },
  'options-too-long': { code: 8, message: 'Insufficient space for options' },
} as const satisfies Readonly<Record<string, TftpError>>;

/** A short, stable word for why a request was refused. */
export type TftpRefusalReason = keyof typeof TFTP_ERRORS;
