import type { DhcpSettings, ScopeParameters } from '../dhcp/dhcp-settings.ts';
import type { PowerSettings } from '../ipmi/power-settings.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { RawConfig } from './raw-config.ts';
import type { RawDhcp } from './raw-dhcp.ts';
import type { RawPower } from './raw-power.ts';
import type { RawScope } from './raw-scope.ts';
import type { RawTftp } from './raw-tftp.ts';
import type { BootdSettings } from './settings.ts';

/** What becomes of a key that changed while the daemon runs. */
export type ReloadEffect =
  /** In force from the next request on. */
  | { readonly kind: 'live' }
  /** The old value stays in force; `reason` says why. */
  | { readonly kind: 'restart'; readonly reason: string };

/** One key of the file, or one section that comes and goes. */
export interface ReloadRule {
  /** As it is written: `dhcp.subnets`; a section's own name for its coming and going. */
  readonly key: string;
  readonly effect: ReloadEffect;
  /** Whether the settings have the section that the key stands in; else there is nothing to compare. */
  readonly isIn: (settings: BootdSettings) => boolean;
  /** What of the settings it decides. */
  readonly valueIn: (settings: BootdSettings) => unknown;
}

interface KeyRule<Settings> {
  readonly effect: ReloadEffect;
  readonly valueIn: (settings: Settings) => unknown;
}

const LIVE: ReloadEffect = { kind: 'live' };

const SOCKETS = 'sockets are opened at the start';
const SERVICE = 'services are put together at the start';

function live<Settings>(valueIn: (settings: Settings) => unknown): KeyRule<Settings> {
  return { effect: LIVE, valueIn };
}

function restart<Settings>(reason: string, valueIn: (settings: Settings) => unknown): KeyRule<Settings> {
  return { effect: { kind: 'restart', reason }, valueIn };
}

/** Every key of a part of the file: one that the schema has and a table lacks does not compile. */
type Complete<Raw, Settings> = Readonly<Record<keyof Raw & string, KeyRule<Settings>>>;

const TOP: Complete<
  Pick<RawConfig, 'interfaces' | 'state-directory' | 'log-level' | 'templates'>,
  BootdSettings
> = {
  interfaces: restart(SOCKETS, ({ interfaces }) => interfaces),
  'state-directory': restart(
    'the store is open, and moving it is for an admin',
    ({ stateDirectory }) => stateDirectory,
  ),
  'log-level': live(({ logLevel }) => logLevel),
  templates: live(({ templatesDirectory }) => templatesDirectory),
};

const scope = (valueIn: (parameters: ScopeParameters) => unknown): KeyRule<DhcpSettings> =>
  live(({ parameters }) => valueIn(parameters));

const SCOPE: Complete<RawScope, DhcpSettings> = {
  options: scope(({ options, encapsulated }) => [options, encapsulated]),
  'next-server': scope(({ nextServer }) => nextServer),
  'server-identifier': scope(({ serverIdentifier }) => serverIdentifier),
  'server-name': scope(({ serverName }) => serverName),
  filename: scope(({ filename }) => filename),
  'filename-by-arch': scope(({ filenameByFirmware }) => filenameByFirmware),
  'default-lease-time': scope(({ defaultLeaseSeconds }) => defaultLeaseSeconds),
  'min-lease-time': scope(({ minLeaseSeconds }) => minLeaseSeconds),
  'max-lease-time': scope(({ maxLeaseSeconds }) => maxLeaseSeconds),
  'allow-booting': scope(({ allowBooting }) => allowBooting),
  'allow-bootp': scope(({ allowBootp }) => allowBootp),
  'ignore-client-uids': scope(({ ignoreClientUids }) => ignoreClientUids),
  authoritative: scope(({ authoritative }) => authoritative),
  'ping-check': scope(({ pingCheck }) => pingCheck),
};

/** The option that carries a vendor's space (RFC 2132 section 8.4). */
const VENDOR_OPTION = 43;

const carriers = (isWanted: (code: number) => boolean): KeyRule<DhcpSettings> =>
  live(({ spaceCarriers }) => [...spaceCarriers].filter(([, code]) => isWanted(code)).sort());

const DHCP: Complete<RawDhcp, DhcpSettings> = {
  mode: restart(SERVICE, ({ mode }) => mode),
  answer: live(({ answer }) => answer),
  port: restart(SOCKETS, ({ serverPort }) => serverPort),
  'client-port': restart(SOCKETS, ({ clientPort }) => clientPort),
  ...SCOPE,
  // A definition decides how values are written and read: that shows where they stand.
  'option-definitions': carriers((code) => code !== VENDOR_OPTION),
  'vendor-option-space': carriers((code) => code === VENDOR_OPTION),
  subnets: live(({ sharedNetworks }) => sharedNetworks.filter(({ name }) => name === undefined)),
  'shared-networks': live(({ sharedNetworks }) => sharedNetworks.filter(({ name }) => name !== undefined)),
  classes: live(({ classes }) => classes),
  reservations: live(({ reservations }) => reservations),
  'offer-hold-time': live(({ offerHoldSeconds }) => offerHoldSeconds),
  'abandon-lease-time': live(({ declineHoldSeconds }) => declineHoldSeconds),
};

const TFTP: Complete<RawTftp, TftpSettings> = {
  root: live(({ root }) => root),
  'map-file': live(({ mapFile }) => mapFile),
  secure: live(({ secure }) => secure),
  permissive: live(({ permissive }) => permissive),
  'follow-symlinks-to': live(({ followSymlinksTo }) => followSymlinksTo),
  listen: restart(SOCKETS, ({ listen }) => listen),
  port: restart(SOCKETS, ({ port }) => port),
  'port-range': restart(SOCKETS, ({ portRange }) => portRange),
  'single-port': restart(SOCKETS, ({ singlePort }) => singlePort),
  'block-size-max': live(({ blockSizeMax }) => blockSizeMax),
  'window-size-max': live(({ windowSizeMax }) => windowSizeMax),
  retransmit: live(({ retransmitMs }) => retransmitMs),
  'collapse-doubled-slashes': live(({ collapseDoubledSlashes }) => collapseDoubledSlashes),
};

const POWER: Complete<RawPower, PowerSettings> = {
  'poll-interval': live(({ pollIntervalMs }) => pollIntervalMs),
  'answer-timeout': live(({ retries }) => retries.firstTimeoutMs),
  attempts: live(({ retries }) => retries.attempts),
  'boot-watch': live(({ bootWatch }) => bootWatch),
};

type RawSection<Name extends keyof RawConfig> = NonNullable<RawConfig[Name]>;
type Section<Name extends keyof BootdSettings> = NonNullable<BootdSettings[Name]>;

const BOOT: Complete<RawSection<'boot'>, BootdSettings> = {
  unknown: live(({ unknownMachines }) => unknownMachines),
};

const CONTROL: Complete<RawSection<'control'>, Section<'control'>> = {
  socket: restart(SOCKETS, ({ socket }) => socket),
  group: restart(SOCKETS, ({ group }) => group),
};

const HTTP: Complete<RawSection<'http'>, Section<'http'>> = {
  listen: restart(SOCKETS, ({ listen }) => listen),
  'token-file': live(({ tokenFile }) => tokenFile),
  'host-names': restart(SERVICE, ({ hostNames }) => hostNames),
};

const IRONIC: Complete<RawSection<'ironic'>, Section<'dnsmasqFiles'>> = {
  dnsmasq: live((files) => files),
};

const HTTP_BOOT: Complete<RawSection<'http-boot'>, Section<'httpBoot'>> = {
  listen: restart(SOCKETS, ({ listen }) => listen),
  root: live(({ root }) => root),
};

const IMAGES: Complete<RawSection<'images'>, Section<'images'>> = {
  'cache-directory': restart('the cache is open', ({ cacheDirectory }) => cacheDirectory),
  'max-bytes': live(({ maxBytes }) => maxBytes),
  timeout: live(({ timeoutSeconds }) => timeoutSeconds),
};

/** A section that can come and go with its service. */
const OFF_AND_ON: ReloadEffect = { kind: 'restart', reason: SERVICE };

function section<Settings>(
  name: string,
  presence: ReloadEffect,
  sectionIn: (settings: BootdSettings) => Settings | undefined,
  keys: Readonly<Record<string, KeyRule<Settings>>>,
): readonly ReloadRule[] {
  const isThere = (settings: BootdSettings): boolean => sectionIn(settings) !== undefined;
  const rules = Object.entries(keys).map(([key, { effect, valueIn }]): ReloadRule => ({
    key: name === '' ? key : `${name}.${key}`,
    effect,
    isIn: isThere,
    valueIn: (settings) => {
      const part = sectionIn(settings);
      return part === undefined ? undefined : valueIn(part);
    },
  }));
  return [{ key: name, effect: presence, isIn: () => true, valueIn: isThere }, ...rules];
}

/** What becomes of every key, in the order of the file. What stands at its top is a section without a name. */
export const RELOAD_RULES: readonly ReloadRule[] = [
  ...section('', LIVE, (settings) => settings, TOP),
  ...section('dhcp', OFF_AND_ON, ({ dhcp }) => dhcp, DHCP),
  ...section('tftp', OFF_AND_ON, ({ tftp }) => tftp, TFTP),
  ...section('power', LIVE, ({ power }) => power, POWER),
  ...section('boot', LIVE, (settings) => settings, BOOT),
  ...section('control', LIVE, ({ control }) => control, CONTROL),
  ...section('http', OFF_AND_ON, ({ http }) => http, HTTP),
  ...section('ironic', OFF_AND_ON, ({ dnsmasqFiles }) => dnsmasqFiles, IRONIC),
  ...section('http-boot', OFF_AND_ON, ({ httpBoot }) => httpBoot, HTTP_BOOT),
  ...section('images', LIVE, ({ images }) => images, IMAGES),
];

/**
 * What a key means for a reload, by its path in the schema. What stands deeper than the rules go shares the fate of the
 * key that holds it. Undefined: no rule speaks of it, which the test of the rules forbids.
 */
export function reloadEffectOf(path: readonly string[]): ReloadEffect | undefined {
  const [first = '', second] = path;
  const isTopLevel = Object.hasOwn(TOP, first);
  const key = isTopLevel || second === undefined ? first : `${first}.${second}`;
  return RELOAD_RULES.find((rule) => rule.key === key)?.effect;
}
