/**
 * Why bytes are no message, for every protocol of this room. The words are values of the label `reason` in metrics,
 * so there are few of them and they never hold data from the wire.
 */
export type WireErrorReason =
  /** The datagram ends before the header, or a field, does. */
  | 'truncated'
  /** An option's length runs past the end of its area, or an option has no length at all. */
  | 'broken-options'
  /** A message that only the other side may send, such as a BOOTREPLY to a server. */
  | 'wrong-direction'
  /** A hardware address that does not fit its field, or of no hardware type. */
  | 'bad-hardware-address'
  /** An operation or command code that the protocol does not have. */
  | 'unknown-opcode'
  /** Text without its end mark, or with octets that text may not hold. */
  | 'bad-text'
  /** A field whose value contradicts the protocol in another way. */
  | 'bad-field'
  | 'bad-checksum'
  /** More octets than the message that they say they are. */
  | 'trailing-octets'
  /** Something to be sent is larger than its field or datagram can be. */
  | 'too-long';

/** Bytes that are no message, or a value that cannot be put on the wire. Counted by reason, never fatal. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly reason: WireErrorReason;

  /** `detail` is for a debug log: which field, and what was found. */
  constructor(reason: WireErrorReason, detail: string) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
  }
}
