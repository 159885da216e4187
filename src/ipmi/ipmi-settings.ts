/** What a session may do (IPMI 2.0 section 6.8), from least to most. */
export const PRIVILEGES = ['user', 'operator', 'administrator'] as const;

export type Privilege = (typeof PRIVILEGES)[number];

/** Number of a privilege on the wire. */
export const PRIVILEGE_NUMBER: Readonly<Record<Privilege, number>> = {
  user: 2,
  operator: 3,
  administrator: 4,
};

export { RMCP_PORT } from '../wire/rmcp/rmcp-header.ts';

/** Octets of a user name and of a password in IPMI 2.0 (sections 22.28 and 22.30), and of a BMC key. */
export const LONGEST_USERNAME = 16;
export const LONGEST_PASSWORD = 20;
export const LONGEST_KG = 20;

/** Who opens a session, and how. */
export interface SessionIdentity {
  readonly username: Uint8Array;
  readonly password: Uint8Array;
  /** The BMC key; undefined: the password stands in for it, as controllers come from the factory. */
  readonly kg: Uint8Array | undefined;
  readonly privilege: Privilege;
  /** Undefined: the best one that both sides have. */
  readonly cipherSuite: number | undefined;
}

/** How patient a session is. */
export interface RetryPolicy {
  /** How often a message is sent in all before the controller counts as silent. */
  readonly attempts: number;
  /** How long the first answer is waited for; each further wait is half as long again. */
  readonly firstTimeoutMs: number;
}

/** Under two seconds to the second try, eight until a silent controller is given up; ipmitool waits about as long. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { attempts: 4, firstTimeoutMs: 1000 };

const BACK_OFF = 1.5;

/** How long to wait after the try with this number, which counts from 1. */
export function waitMs(policy: RetryPolicy, attempt: number): number {
  return Math.round(policy.firstTimeoutMs * BACK_OFF ** (attempt - 1));
}
