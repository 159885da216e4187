/** What becomes of a statement that has no counterpart in bootd.yaml. */
export interface Fate {
  /** Whether a machine may be told something else than before, or something outside depended on it. */
  readonly essential: boolean;
  readonly reason: string;
}

interface Rule {
  readonly reason: string;
  /** Values with which it says what bootd does anyway; `any`: nothing is ever lost. Absent: it always is. */
  readonly harmless?: readonly string[] | 'any';
}

const OFF = ['off', 'false', '0'] as const;

const DNS = 'bootd updates no DNS (DDNS)';
const OMAPI = 'bootd offers no OMAPI; its control API does the same work';
const IPV6 = 'bootd serves DHCPv4 only';
const LDAP = 'bootd reads no configuration from LDAP; dump it into a file and import that';
const LOG = 'where and what bootd logs is said by `log-level` and the journal';
const STORE = 'bootd keeps its leases in `state-directory`, in its own way';
const DURABLE = 'bootd has every lease on disk before its ACK leaves, several in one flush';

/** Statements of dhcpd 4.4 (dhcpd.conf(5), dhcp-eval(5)) that are understood, and not carried over. */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['adaptive-lease-time-threshold', { reason: 'leases do not become shorter as a range fills up' }],
  ['add', { reason: 'a machine belongs to a class by its `match` only' }],
  ['always-broadcast', { reason: 'bootd broadcasts where the client asks for it', harmless: OFF }],
  ['always-reply-rfc1048', { reason: 'bootd always does so', harmless: 'any' }],
  ['append', { reason: 'bootd replaces values of outer scopes, it does not extend them' }],
  ['check-secs-byte-order', { reason: 'bootd does not look at `secs`', harmless: 'any' }],
  ['db-time-format', { reason: STORE, harmless: 'any' }],
  ['default', { reason: 'bootd has no values that hold only where an outer scope says nothing' }],
  ['define', { reason: 'bootd has no functions of the site' }],
  ['delayed-ack', { reason: DURABLE, harmless: 'any' }],
  [
    'dhcp-cache-threshold',
    { reason: 'bootd writes every renewal; several share one flush', harmless: 'any' },
  ],
  ['dont-use-fsync', { reason: DURABLE, harmless: 'any' }],
  ['dynamic-bootp-lease-cutoff', { reason: 'leases of BOOTP have no end in bootd' }],
  ['dynamic-bootp-lease-length', { reason: 'leases of BOOTP have no end in bootd' }],
  ['echo-client-id', { reason: 'bootd always does so (RFC 6842)', harmless: 'any' }],
  ['eval', { reason: 'bootd works nothing out for each request' }],
  ['execute', { reason: 'bootd runs no programs; follow its events instead: GET /v1/events' }],
  ['failover', { reason: 'bootd has no failover; two servers must never share a range' }],
  ['function', { reason: 'bootd has no functions of the site' }],
  ['get-lease-hostnames', { reason: 'bootd looks up no names', harmless: OFF }],
  ['infinite-is-reserved', { reason: 'only `reservations` reserve addresses', harmless: OFF }],
  ['key', { reason: 'keys are for OMAPI and DNS updates, which bootd does not offer', harmless: 'any' }],
  ['lease-file-name', { reason: STORE, harmless: 'any' }],
  ['lease-id-format', { reason: STORE, harmless: 'any' }],
  ['limited-broadcast-address', { reason: 'bootd broadcasts to 255.255.255.255' }],
  ['local-address', { reason: 'bootd listens on `interfaces`, on each for itself' }],
  ['log', { reason: LOG, harmless: 'any' }],
  ['log-facility', { reason: LOG, harmless: 'any' }],
  ['log-threshold-high', { reason: LOG, harmless: 'any' }],
  ['log-threshold-low', { reason: LOG, harmless: 'any' }],
  ['max-ack-delay', { reason: DURABLE, harmless: 'any' }],
  ['min-secs', { reason: 'bootd answers at once', harmless: OFF }],
  ['omapi-key', { reason: OMAPI, harmless: 'any' }],
  ['omapi-port', { reason: OMAPI }],
  ['one-lease-per-client', { reason: 'a machine has one address on a network in bootd', harmless: 'any' }],
  ['pid-file-name', { reason: 'bootd is looked after by its service manager', harmless: 'any' }],
  ['ping-cltt-secs', { reason: 'bootd asks before it offers an address that was free', harmless: 'any' }],
  ['ping-timeout', { reason: 'bootd waits a second, which holds up nobody else', harmless: 'any' }],
  ['ping-timeout-ms', { reason: 'bootd waits a second, which holds up nobody else', harmless: 'any' }],
  ['prepend', { reason: 'bootd replaces values of outer scopes, it does not extend them' }],
  ['release-on-roam', { reason: 'a machine that moves keeps its old address until its end', harmless: OFF }],
  ['server-id-check', { reason: 'bootd never takes a REQUEST that names another server', harmless: 'any' }],
  ['set', { reason: 'bootd has no variables', harmless: 'any' }],
  ['site-option-space', { reason: 'give each of its options a name of its own' }],
  ['stash-agent-options', { reason: 'bootd always does so', harmless: 'any' }],
  ['unset', { reason: 'bootd has no variables', harmless: 'any' }],
  ['update-conflict-detection', { reason: DNS, harmless: 'any' }],
  ['update-optimization', { reason: DNS, harmless: 'any' }],
  ['update-static-leases', { reason: DNS, harmless: 'any' }],
  ['use-lease-addr-for-default-route', { reason: 'a router is always named by its address', harmless: OFF }],
  ['ddns-update-style', { reason: DNS, harmless: ['none'] }],
  ['do-forward-updates', { reason: DNS, harmless: 'any' }],
  ['do-reverse-updates', { reason: DNS, harmless: 'any' }],
  ['fqdn-reply', { reason: DNS, harmless: 'any' }],
  ['zone', { reason: DNS, harmless: 'any' }],
]);

const PREFIXED: readonly (readonly [string, Rule])[] = [
  ['ddns-', { reason: DNS, harmless: 'any' }],
  ['ldap-', { reason: LDAP }],
  ['dhcpv6-', { reason: IPV6 }],
];

const IPV6_WORDS: ReadonlySet<string> = new Set([
  'fixed-address6',
  'fixed-prefix6',
  'limit-addrs-per-ia',
  'limit-prefs-per-ia',
  'local-address6',
  'bind-local-address6',
  'pool6',
  'preferred-lifetime',
  'prefix6',
  'prefix-length-mode',
  'range6',
  'subnet6',
  'use-eui-64',
  'persist-eui-64-leases',
]);

/** What becomes of a statement by its first word and its value; undefined when nobody knows it. */
export function fateOf(keyword: string, value: string | undefined): Fate | undefined {
  if (IPV6_WORDS.has(keyword)) return { essential: true, reason: IPV6 };
  const rule = RULES.get(keyword) ?? PREFIXED.find(([prefix]) => keyword.startsWith(prefix))?.[1];
  if (rule === undefined) return undefined;
  const { harmless, reason } = rule;
  const isHarmless = harmless === 'any' || harmless?.includes(value?.toLowerCase() ?? '') === true;
  return { essential: !isHarmless, reason };
}
