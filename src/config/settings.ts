import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import type { PowerSettings } from '../ipmi/power-settings.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';

/** An address and a TCP port to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The control socket, which is always there. */
export interface ControlSettings {
  readonly socket: string;
  /** Owner group of the socket (mode 0660); one that does not exist is a warning. */
  readonly group: string;
}

/** The admins' HTTP side. */
export interface HttpSettings {
  readonly listen: ListenAddress;
  /** A file whose content is the bearer token for what changes state; undefined: nothing may. */
  readonly tokenFile: string | undefined;
  /** Names by which browsers may call this host, beside its addresses and its own name; lower case. */
  readonly hostNames: readonly string[];
}

/** The machines' HTTP side. */
export interface HttpBootSettings {
  readonly listen: ListenAddress;
  /** The folder of the boot files, TFTP's unless told otherwise; undefined: only what is rendered is served. */
  readonly root: string | undefined;
}

/** Where images that are named by URL are kept. */
export interface ImageSettings {
  readonly cacheDirectory: string;
  /** What all of them together may take. */
  readonly maxBytes: number;
  /** The longest that fetching one of them may take. */
  readonly timeoutSeconds: number;
}

/** Where Ironic's stock `dnsmasq` provider and bootd meet; absolute paths. */
export interface DnsmasqFilesSettings {
  readonly hostsDirectory: string;
  readonly optionsDirectory: string;
  readonly leaseFile: string;
}

/** What machines without a node get where the disk has nothing; `profile` names a shared profile. */
export type UnknownMachineBoot =
  | { readonly kind: 'none' }
  | { readonly kind: 'local-disk' }
  | { readonly kind: 'menu' }
  | { readonly kind: 'profile'; readonly name: string };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** The whole configuration, validated; every path absolute; an absent section is a service that is off. */
export interface BootdSettings {
  readonly interfaces: readonly string[];
  readonly stateDirectory: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly dhcp: DhcpSettings | undefined;
  readonly tftp: TftpSettings | undefined;
  readonly power: PowerSettings;
  readonly unknownMachines: UnknownMachineBoot;
  /** Folder of the boot file templates; the shipped one unless told otherwise. */
  readonly templatesDirectory: string;
  readonly control: ControlSettings;
  readonly http: HttpSettings | undefined;
  readonly httpBoot: HttpBootSettings | undefined;
  readonly images: ImageSettings;
  /** Undefined: nothing is read from Ironic's files. */
  readonly dnsmasqFiles: DnsmasqFilesSettings | undefined;
}
