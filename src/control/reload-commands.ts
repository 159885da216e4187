/** A key of the configuration that changed, and what becomes of it. */
export interface ReloadChange {
  /** As it is written: `dhcp.subnets`; a section's own name where it comes or goes. */
  readonly key: string;
  readonly effect: { readonly kind: 'live' } | { readonly kind: 'restart'; readonly reason: string };
}

/** What a reload did, or would do. */
export type ReloadOutcome =
  | { readonly kind: 'planned' | 'applied'; readonly changes: readonly ReloadChange[] }
  /** Nothing changed; each problem is a line with its file, line and column. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** The configuration as the API may have it read again. */
export interface ReloadCommands {
  /** Reads the file now and puts it in force, all of it or nothing. Resolves when it is. */
  reload(): Promise<ReloadOutcome>;
  /** What `reload` would do now; nothing is put in force. */
  plan(): Promise<ReloadOutcome>;
}
