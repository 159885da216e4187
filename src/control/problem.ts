/**
 * Every way in which the API refuses, by its stable code; docs/control-api.md describes each, and
 * test/unit/control/problem.test.ts compares the two. A code is never given another meaning.
 */
export const PROBLEMS = {
  'malformed-json': { status: 400, title: 'The body is no JSON document' },
  'invalid-document': { status: 400, title: 'The document does not have the required form' },
  'invalid-query': { status: 400, title: 'A parameter of the query does not have the required form' },
  'invalid-path': { status: 400, title: 'A part of the path does not have the required form' },
  'invalid-header': { status: 400, title: 'A header does not have the required form' },
  'token-required': { status: 401, title: 'A bearer token is required for what changes state' },
  'changes-not-allowed': { status: 403, title: 'Nothing may be changed over this address' },
  'wrong-host': { status: 421, title: 'The request was meant for another host' },
  'foreign-page': { status: 403, title: 'A page of another site may change nothing' },
  'route-not-found': { status: 404, title: 'There is no such path' },
  'node-not-found': { status: 404, title: 'There is no such node' },
  'boot-profile-not-found': { status: 404, title: 'The node has no boot profile' },
  'profile-not-found': { status: 404, title: 'There is no such shared profile' },
  'boot-not-found': { status: 404, title: 'There is no such boot, or it is no longer remembered' },
  'lease-not-found': { status: 404, title: 'There is no lease of this address' },
  'probe-not-found': { status: 404, title: 'There is no such probe' },
  'method-not-allowed': { status: 405, title: 'The path has no such method' },
  'mac-taken': { status: 409, title: 'The MAC belongs to another node' },
  'address-taken': { status: 409, title: 'The fixed address belongs to another machine' },
  'profile-in-use': { status: 409, title: 'Nodes still use the shared profile' },
  'precondition-failed': { status: 412, title: 'The record has changed since it was read' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is of another type than it must be' },
  'invalid-value': { status: 422, title: 'A value of the document cannot be used' },
  'unknown-profile': { status: 422, title: 'The document names a shared profile that does not exist' },
  'configuration-refused': { status: 422, title: 'The configuration cannot be used' },
  'template-failed': { status: 422, title: 'The boot configuration cannot be rendered' },
  'image-not-fetched': { status: 422, title: 'An image cannot be fetched from its URL' },
  'image-checksum-mismatch': { status: 422, title: 'An image is not the one that its checksum speaks of' },
  'image-no-room': { status: 422, title: 'There is no room for an image' },
  'too-many-probes': { status: 429, title: 'Too many machines are being played at once' },
  'watch-not-found': { status: 404, title: 'bootd has not booted this node' },
  'managed-elsewhere': { status: 409, title: 'Another program manages the node and its power' },
  'rehearsal-under-way': { status: 409, title: 'A rehearsal keeps the configuration that it began with' },
  'boot-under-way': { status: 409, title: 'bootd is booting the node already' },
  'no-bmc': { status: 409, title: 'The node has no BMC' },
  'bmc-no-answer': { status: 504, title: 'The BMC does not answer' },
  'bmc-unreachable': { status: 504, title: 'The BMC cannot be reached' },
  'bmc-session-lost': { status: 504, title: 'The BMC stopped answering' },
  'bmc-no-rmcp-plus': { status: 502, title: 'The BMC does not speak IPMI 2.0' },
  'bmc-wrong-username': { status: 502, title: 'The BMC does not know the user' },
  'bmc-wrong-password': { status: 502, title: 'The password of the BMC is another one' },
  'bmc-wrong-kg': { status: 502, title: 'The BMC key (Kg) is another one' },
  'bmc-unsupported-suite': { status: 502, title: 'The BMC and bootd have no cipher suite in common' },
  'bmc-insufficient-privilege': { status: 502, title: 'The user may not work with this privilege' },
  'bmc-session-limit': { status: 503, title: 'All sessions of the BMC are taken' },
  'bmc-refused': { status: 502, title: 'The BMC refused the command' },
  'bmc-bad-answer': { status: 502, title: 'The BMC answered what it may not' },
  'bmc-cancelled': { status: 409, title: 'The node changed while its BMC was asked' },
  'internal-error': { status: 500, title: 'The daemon failed; its log says more' },
  'not-kept': {
    status: 503,
    title: 'The change could not be written to stable storage; nothing has changed',
  },
  'too-much-waiting': { status: 503, title: 'Too many answers wait for clients that do not read them' },
  'too-many-followers': { status: 503, title: 'Too many clients follow the events' },
  'service-off': { status: 503, title: 'The service behind this path is off in the configuration' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What is wrong at one place of a document. */
export interface ProblemDetail {
  /** JSON pointer (RFC 6901) into the document; the empty one is the whole. */
  readonly pointer: string;
  readonly detail: string;
}

/** A problem document (RFC 9457) with our `code`; its media type is `application/problem+json`. */
export interface ProblemDocument {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors?: readonly ProblemDetail[];
}

/** A refusal on its way to the caller. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly errors: readonly ProblemDetail[];

  constructor(code: ProblemCode, detail: string, errors: readonly ProblemDetail[] = []) {
    super(detail);
    this.code = code;
    this.errors = errors;
  }
}

/** The document of a problem. */
export function problemDocument({ code, message, errors }: ProblemError): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  const document = { type: 'about:blank', title, status, code, detail: message } as const;
  return errors.length === 0 ? document : { ...document, errors };
}
