import { createHash, timingSafeEqual } from 'node:crypto';
import { ProblemError } from './problem.ts';

/** What the callers of one listening address may do. */
export type Access =
  /** Everything: the Unix socket, whose mode says who may connect. */
  | { readonly kind: 'full' }
  /** Reading; whatever changes state needs the bearer token. Without one, nothing may be changed. */
  | { readonly kind: 'read-only'; readonly token: string | undefined };

const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why a request may not go on; undefined when it may. */
export function refuseChange(
  access: Access,
  method: string,
  authorization: string | undefined,
): ProblemError | undefined {
  if (access.kind === 'full' || READING_METHODS.has(method)) return undefined;
  if (access.token === undefined) {
    return new ProblemError(
      'changes-not-allowed',
      'This address is for reading; set http.token-file to allow changes, or use the control socket',
    );
  }
  const [, offered] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (offered !== undefined && isSameSecret(offered, access.token)) return undefined;
  return new ProblemError(
    'token-required',
    offered === undefined ? 'Send "Authorization: Bearer TOKEN"' : 'The bearer token is a wrong one',
  );
}

/** Takes the same time wherever two secrets differ, and whatever their lengths. */
function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
