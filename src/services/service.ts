/** Something that runs: wired up by daemon.ts, started in order, stopped in the opposite order. */
export interface Service {
  /** For the log: dhcp, tftp, control, ... */
  readonly name: string;
  /** Resolves when the service is ready to serve; rejects with the reason why it cannot. */
  start(): Promise<void>;
  /** Finishes what is under way, within bounds, and gives everything back. Safe to call twice. */
  stop(): Promise<void>;
}
