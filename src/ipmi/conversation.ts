import type { IpmiRequest, IpmiResponse } from '../wire/rmcp/ipmi-message.ts';

export type { IpmiRequest, IpmiResponse };
import { formatCompletionCode } from './completion-code.ts';
import { IpmiError } from './ipmi-error.ts';

/**
 * A task of one or more requests, as a generator: it yields a request, is given the response, and returns the result.
 * Whoever runs it owns the session and the time. It throws IpmiError.
 */
export type Conversation<Result> = Generator<IpmiRequest, Result, IpmiResponse>;

/** Asks once; returns the data of the answer, or throws IpmiError `refused` with the completion code in words. */
export function* ask(request: IpmiRequest, what: string): Conversation<Uint8Array> {
  const { completionCode, data } = yield request;
  if (completionCode !== 0) throw refused(request, completionCode, what);
  return data;
}

/** As `ask`, for requests that a controller may do without: undefined when it refuses. */
export function* askIfSupported(request: IpmiRequest): Conversation<Uint8Array | undefined> {
  const { completionCode, data } = yield request;
  return completionCode === 0 ? data : undefined;
}

/** The error for a completion code; `what` is what could not be done. */
export function refused(
  { netFn, command }: Pick<IpmiRequest, 'netFn' | 'command'>,
  completionCode: number,
  what: string,
): IpmiError {
  return new IpmiError(
    'refused',
    `${what}: ${formatCompletionCode(completionCode, netFn, command)}`,
    completionCode,
  );
}

/** The octet at a place of an answer. Throws IpmiError `bad-answer` when the answer is shorter. */
export function octetAt(data: Uint8Array, at: number, what: string): number {
  const octet = data[at];
  if (octet === undefined) {
    throw new IpmiError('bad-answer', `${what}: the answer has only ${data.length} octets`);
  }
  return octet;
}

/** A little-endian number of an answer. Throws IpmiError `bad-answer` when the answer is shorter. */
export function numberAt(data: Uint8Array, at: number, octets: number, what: string): number {
  let value = 0;
  for (let index = octets - 1; index >= 0; index -= 1) value = value * 256 + octetAt(data, at + index, what);
  return value;
}

/** Any command as it is, for `raw`: the answer is returned whatever its completion code. */
export function* askRaw(request: IpmiRequest): Conversation<IpmiResponse> {
  return yield request;
}
