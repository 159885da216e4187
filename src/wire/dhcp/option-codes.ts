import { parseOptionType, type OptionType } from './option-types.ts';

/** Codes that this program itself reads or writes, by what they hold (RFC 2132 unless said otherwise). */
export const OPTION = {
  subnetMask: 1,
  routers: 3,
  hostName: 12,
  broadcastAddress: 28,
  vendorEncapsulatedOptions: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClassIdentifier: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootfileName: 67,
  /** RFC 3004. */
  userClass: 77,
  /** RFC 3046. */
  relayAgentInformation: 82,
  /** RFC 4578, this and the next two. */
  clientSystemArchitecture: 93,
  clientNetworkInterface: 94,
  clientMachineIdentifier: 97,
  /** Where TFTP servers stand for some ROMs and IP telephones (RFC 5859). */
  tftpServerAddress: 150,
  /** iPXE's encapsulated options: their presence says that iPXE asks. */
  ipxeEncapsulated: 175,
} as const;

/** A standard option: its code, its name in dhcpd, how its value is written, and where it is defined. */
export interface OptionDefinition {
  readonly code: number;
  readonly name: string;
  readonly type: OptionType;
  /** The RFC's number; undefined for options that a vendor defined. */
  readonly rfc: number | undefined;
}

/**
 * Code, dhcpd's name (dhcp-options(5)), type, RFC. Where dhcpd has no name of its own, the one in common use is taken:
 * `rapid-commit`, `classless-static-routes`, `captive-portal`, `pxelinux-magic`.
 */
const STANDARD_OPTIONS: readonly (readonly [code: number, name: string, type: string, rfc?: number])[] = [
  [1, 'subnet-mask', 'ip-address', 2132],
  [2, 'time-offset', 'signed integer 32', 2132],
  [3, 'routers', 'array of ip-address', 2132],
  [4, 'time-servers', 'array of ip-address', 2132],
  [5, 'ien116-name-servers', 'array of ip-address', 2132],
  [6, 'domain-name-servers', 'array of ip-address', 2132],
  [7, 'log-servers', 'array of ip-address', 2132],
  [8, 'cookie-servers', 'array of ip-address', 2132],
  [9, 'lpr-servers', 'array of ip-address', 2132],
  [10, 'impress-servers', 'array of ip-address', 2132],
  [11, 'resource-location-servers', 'array of ip-address', 2132],
  [12, 'host-name', 'text', 2132],
  [13, 'boot-size', 'unsigned integer 16', 2132],
  [14, 'merit-dump', 'text', 2132],
  [15, 'domain-name', 'text', 2132],
  [16, 'swap-server', 'ip-address', 2132],
  [17, 'root-path', 'text', 2132],
  [18, 'extensions-path', 'text', 2132],
  [19, 'ip-forwarding', 'boolean', 2132],
  [20, 'non-local-source-routing', 'boolean', 2132],
  [21, 'policy-filter', 'array of { ip-address, ip-address }', 2132],
  [22, 'max-dgram-reassembly', 'unsigned integer 16', 2132],
  [23, 'default-ip-ttl', 'unsigned integer 8', 2132],
  [24, 'path-mtu-aging-timeout', 'unsigned integer 32', 2132],
  [25, 'path-mtu-plateau-table', 'array of unsigned integer 16', 2132],
  [26, 'interface-mtu', 'unsigned integer 16', 2132],
  [27, 'all-subnets-local', 'boolean', 2132],
  [28, 'broadcast-address', 'ip-address', 2132],
  [29, 'perform-mask-discovery', 'boolean', 2132],
  [30, 'mask-supplier', 'boolean', 2132],
  [31, 'router-discovery', 'boolean', 2132],
  [32, 'router-solicitation-address', 'ip-address', 2132],
  [33, 'static-routes', 'array of { ip-address, ip-address }', 2132],
  [34, 'trailer-encapsulation', 'boolean', 2132],
  [35, 'arp-cache-timeout', 'unsigned integer 32', 2132],
  [36, 'ieee802-3-encapsulation', 'boolean', 2132],
  [37, 'default-tcp-ttl', 'unsigned integer 8', 2132],
  [38, 'tcp-keepalive-interval', 'unsigned integer 32', 2132],
  [39, 'tcp-keepalive-garbage', 'boolean', 2132],
  [40, 'nis-domain', 'text', 2132],
  [41, 'nis-servers', 'array of ip-address', 2132],
  [42, 'ntp-servers', 'array of ip-address', 2132],
  [43, 'vendor-encapsulated-options', 'string', 2132],
  [44, 'netbios-name-servers', 'array of ip-address', 2132],
  [45, 'netbios-dd-server', 'array of ip-address', 2132],
  [46, 'netbios-node-type', 'unsigned integer 8', 2132],
  [47, 'netbios-scope', 'text', 2132],
  [48, 'font-servers', 'array of ip-address', 2132],
  [49, 'x-display-manager', 'array of ip-address', 2132],
  [50, 'dhcp-requested-address', 'ip-address', 2132],
  [51, 'dhcp-lease-time', 'unsigned integer 32', 2132],
  [52, 'dhcp-option-overload', 'unsigned integer 8', 2132],
  [53, 'dhcp-message-type', 'unsigned integer 8', 2132],
  [54, 'dhcp-server-identifier', 'ip-address', 2132],
  [55, 'dhcp-parameter-request-list', 'array of unsigned integer 8', 2132],
  [56, 'dhcp-message', 'text', 2132],
  [57, 'dhcp-max-message-size', 'unsigned integer 16', 2132],
  [58, 'dhcp-renewal-time', 'unsigned integer 32', 2132],
  [59, 'dhcp-rebinding-time', 'unsigned integer 32', 2132],
  [60, 'vendor-class-identifier', 'string', 2132],
  [61, 'dhcp-client-identifier', 'string', 2132],
  [62, 'nwip-domain', 'text', 2242],
  [63, 'nwip-suboptions', 'encapsulate nwip', 2242],
  [64, 'nisplus-domain', 'text', 2132],
  [65, 'nisplus-servers', 'array of ip-address', 2132],
  [66, 'tftp-server-name', 'text', 2132],
  [67, 'bootfile-name', 'text', 2132],
  [68, 'mobile-ip-home-agent', 'array of ip-address', 2132],
  [69, 'smtp-server', 'array of ip-address', 2132],
  [70, 'pop-server', 'array of ip-address', 2132],
  [71, 'nntp-server', 'array of ip-address', 2132],
  [72, 'www-server', 'array of ip-address', 2132],
  [73, 'finger-server', 'array of ip-address', 2132],
  [74, 'irc-server', 'array of ip-address', 2132],
  [75, 'streettalk-server', 'array of ip-address', 2132],
  [76, 'streettalk-directory-assistance-server', 'array of ip-address', 2132],
  [77, 'user-class', 'text', 3004],
  [78, 'slp-directory-agent', '{ boolean, array of ip-address }', 2610],
  [79, 'slp-service-scope', '{ boolean, text }', 2610],
  [80, 'rapid-commit', 'flag', 4039],
  [81, 'fqdn', 'encapsulate fqdn', 4702],
  [82, 'relay-agent-information', 'encapsulate agent', 3046],
  [83, 'isns', 'string', 4174],
  [85, 'nds-servers', 'array of ip-address', 2241],
  [86, 'nds-tree-name', 'text', 2241],
  [87, 'nds-context', 'text', 2241],
  [88, 'bcms-controller-names', 'domain-list', 4280],
  [89, 'bcms-controller-address', 'array of ip-address', 4280],
  [91, 'client-last-transaction-time', 'unsigned integer 32', 4388],
  [92, 'associated-ip', 'array of ip-address', 4388],
  [93, 'pxe-system-type', 'array of unsigned integer 16', 4578],
  [94, 'pxe-interface-id', '{ unsigned integer 8, unsigned integer 8, unsigned integer 8 }', 4578],
  [97, 'pxe-client-id', '{ unsigned integer 8, string }', 4578],
  [98, 'uap-servers', 'text', 2485],
  [99, 'geoconf-civic', 'string', 4776],
  [100, 'pcode', 'text', 4833],
  [101, 'tcode', 'text', 4833],
  [108, 'v6-only-preferred', 'unsigned integer 32', 8925],
  [112, 'netinfo-server-address', 'array of ip-address', 3679],
  [113, 'netinfo-server-tag', 'text', 3679],
  [114, 'default-url', 'text', 8910],
  [116, 'auto-config', 'unsigned integer 8', 2563],
  [117, 'name-service-search', 'array of unsigned integer 16', 2937],
  [118, 'subnet-selection', 'ip-address', 3011],
  [119, 'domain-search', 'domain-list', 3397],
  [120, 'sip-servers', 'string', 3361],
  [121, 'classless-static-routes', 'classless-routes', 3442],
  [124, 'vivco', 'string', 3925],
  [125, 'vivso', 'string', 3925],
  [136, 'pana-agent', 'array of ip-address', 5192],
  [137, 'v4-lost', 'domain-name', 5223],
  [138, 'capwap-ac-v4', 'array of ip-address', 5417],
  [141, 'sip-ua-cs-domains', 'domain-list', 6011],
  [142, 'ipv4-address-andsf', 'array of ip-address', 6153],
  [143, 'sztp-redirect', 'string', 8572],
  [150, 'tftp-server-address', 'array of ip-address', 5859],
  [151, 'status-code', '{ unsigned integer 8, text }', 6926],
  [152, 'base-time', 'unsigned integer 32', 6926],
  [153, 'start-time-of-state', 'unsigned integer 32', 6926],
  [154, 'query-start-time', 'unsigned integer 32', 6926],
  [155, 'query-end-time', 'unsigned integer 32', 6926],
  [156, 'dhcp-state', 'unsigned integer 8', 6926],
  [157, 'data-source', 'unsigned integer 8', 6926],
  [159, 'v4-portparams', 'string', 7618],
  [160, 'v4-captive-portal', 'text', 7710],
  [175, 'ipxe-encap-opts', 'encapsulate ipxe'],
  [208, 'pxelinux-magic', 'string', 5071],
  [209, 'loader-configfile', 'text', 5071],
  [210, 'loader-pathprefix', 'text', 5071],
  [211, 'loader-reboottime', 'unsigned integer 32', 5071],
  [212, 'option-6rd', 'string', 5969],
  [213, 'v4-access-domain', 'domain-name', 5986],
  [249, 'ms-classless-static-routes', 'classless-routes'],
  [252, 'wpad', 'text'],
];

const DEFINITIONS: readonly OptionDefinition[] = STANDARD_OPTIONS.map(([code, name, typeText, rfc]) => {
  const type = parseOptionType(typeText);
  if (type === undefined) throw new Error(`the table of options has an unknown type: ${typeText}`);
  return { code, name, type, rfc };
});

const BY_CODE: ReadonlyMap<number, OptionDefinition> = new Map(DEFINITIONS.map((each) => [each.code, each]));
const BY_NAME: ReadonlyMap<string, OptionDefinition> = new Map(DEFINITIONS.map((each) => [each.name, each]));

/** Names that an option has elsewhere: in dnsmasq (and so in Ironic of Liberty), in Kea, in dhclient.conf. */
const OTHER_NAMES: ReadonlyMap<string, number> = new Map([
  ['tftp-server', OPTION.tftpServerName],
  ['boot-file-name', OPTION.bootfileName],
  ['classless-static-route', 121],
  ['rfc3442-classless-static-routes', 121],
]);

const NUMBERED = /^(?:option|unknown)-(\d{1,3})$/;

/**
 * The definition of a name, in lower case. `option-NNN` and `unknown-NNN` are dhcpd's way to name a code without a name: octets.
 * Undefined for a name that nobody gave.
 */
export function optionByName(name: string): OptionDefinition | undefined {
  const lower = name.toLowerCase();
  const known = BY_NAME.get(lower) ?? BY_CODE.get(OTHER_NAMES.get(lower) ?? 0);
  if (known !== undefined) return known;
  const code = Number(NUMBERED.exec(lower)?.[1] ?? 0);
  return code >= 1 && code <= 254 ? (BY_CODE.get(code) ?? unnamedOption(code)) : undefined;
}

/** The definition of a code; a code without a name holds octets and is called `option-NNN`. */
export function optionByCode(code: number): OptionDefinition {
  return BY_CODE.get(code) ?? unnamedOption(code);
}

/** Every option that has a name, in the order of codes: for completion in editors, and to suggest the nearest name. */
export function namedOptions(): readonly OptionDefinition[] {
  return DEFINITIONS;
}

function unnamedOption(code: number): OptionDefinition {
  return { code, name: `option-${code}`, type: { kind: 'string' }, rfc: undefined };
}
