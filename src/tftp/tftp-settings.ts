/** The validated `tftp` section, frozen; a reload replaces it whole. */
export interface TftpSettings {
  /** Absolute path of the folder that nothing is served from outside of. */
  readonly root: string;
  /** Absolute path of in.tftpd's `--map-file`; undefined: names are taken as they come. */
  readonly mapFile: string | undefined;
  /** in.tftpd's `--secure`: names are relative to the root. Otherwise they are absolute and must lie below it. */
  readonly secure: boolean;
  /** in.tftpd's `--permissive`: serve files that are not readable for everybody. */
  readonly permissive: boolean;
  /** Folders outside the root into which a symbolic link may lead. */
  readonly followSymlinksTo: readonly string[];
  /** Addresses to listen on, IPv4 or IPv6; undefined: each served interface, wildcard address. */
  readonly listen: readonly string[] | undefined;
  readonly port: number;
  /** Octets of DATA at most; undefined: what fits the MTU of the interface. */
  readonly blockSizeMax: number | undefined;
  /** Blocks of a window at most (RFC 7440). */
  readonly windowSizeMax: number;
  /** First retransmission after this time, then doubled each time (in.tftpd's `--retransmit`). */
  readonly retransmitMs: number;
  /** Serve every transfer from `port` itself, for firewalls and NAT that cannot follow TFTP to another port. */
  readonly singlePort: boolean;
  /** in.tftpd's `--port-range`: the ports that files are sent from; undefined: any free ones. */
  readonly portRange: { readonly first: number; readonly last: number } | undefined;
  /**
   * Try a name that was not found once more with its repeated leading slashes collapsed: what pxelinux 6.04 makes of
   * an absolute kernel path when its own path is `/pxelinux.0`.
   */
  readonly collapseDoubledSlashes: boolean;
}

/** Values of tftpd-hpa for what the configuration leaves out, and our own where it has none. */
export const TFTP_DEFAULTS = {
  port: 69,
  windowSizeMax: 64,
  retransmitMs: 1000,
  singlePort: false,
  collapseDoubledSlashes: true,
} as const;
