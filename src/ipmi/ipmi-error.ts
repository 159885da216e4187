/**
 * Why a management controller did not do what it was asked, by a stable code. The words of each are made where it
 * happens, since they name what to change.
 */
export type IpmiErrorCode =
  /** Nothing was heard, however often it was asked. */
  | 'no-answer'
  /** Nothing listens at this address and port, or there is no way to it. */
  | 'unreachable'
  /** It speaks IPMI 1.5 only, or RMCP+ is switched off. */
  | 'no-rmcp-plus'
  | 'wrong-username'
  /** Also: a user whose account is locked or may not use the LAN, which controllers say in the same way. */
  | 'wrong-password'
  /** The BMC key (Kg) is another one, or one is needed. */
  | 'wrong-kg'
  | 'unsupported-suite'
  | 'insufficient-privilege'
  /** All sessions that the controller has are taken. */
  | 'session-limit'
  /** The controller ended or forgot the session. */
  | 'session-lost'
  /** The controller took the command and refused it; `completionCode` says why. */
  | 'refused'
  /** What it answers contradicts the specification. */
  | 'bad-answer'
  /** The request was given up by whoever made it. */
  | 'cancelled';

/** A management controller did not do what it was asked. The message names no secret. */
export class IpmiError extends Error {
  override readonly name = 'IpmiError';
  readonly code: IpmiErrorCode;
  /** For `refused`: the completion code of the response. */
  readonly completionCode: number | undefined;

  constructor(code: IpmiErrorCode, message: string, completionCode?: number) {
    super(message);
    this.code = code;
    this.completionCode = completionCode;
  }
}
