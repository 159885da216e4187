import { parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { FIRMWARE_KINDS, type BootFileByFirmware, type FirmwareKind } from '../boot/firmware.ts';
import type { ScopeParameters } from '../dhcp/dhcp-settings.ts';
import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import type { Located } from './located.ts';
import { parseOptions } from './parse-options.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawScope } from './raw-scope.ts';

/** What the parsers of the `dhcp` section have in common. */
export interface DhcpContext {
  readonly problems: ProblemList;
  readonly catalogue: OptionCatalogue;
  /** False when a definition could not be read: then an unknown name is no news. */
  readonly optionNamesAreComplete: boolean;
}

/** Lease times that a scope says itself or has from the scopes around it. */
export type LeaseTimes = Readonly<Partial<Record<LeaseTimeKey, Located<number>>>>;

type LeaseTimeKey = 'min-lease-time' | 'default-lease-time' | 'max-lease-time';

/** Octets of the BOOTP fields without the NUL at their end (RFC 951 section 3). */
const FILE_LENGTH = 127;
const SNAME_LENGTH = 63;

/** A scope's parameters, and the lease times that hold inside it. */
export interface ParsedScope {
  readonly parameters: ScopeParameters;
  readonly leaseTimes: LeaseTimes;
}

/** Reads what a scope says; `outer` are the lease times of the scope around it. */
export function parseScope(
  scope: Located<RawScope>['value'],
  outer: LeaseTimes,
  context: DhcpContext,
): ParsedScope {
  const { problems } = context;
  const { options, encapsulated } = parseOptions(
    scope.options,
    context.catalogue,
    context.optionNamesAreComplete,
    problems,
  );
  const parameters: ScopeParameters = {
    options,
    encapsulated,
    nextServer: parseAddress(scope['next-server'], problems),
    serverIdentifier: parseAddress(scope['server-identifier'], problems),
    serverName: parseField(scope['server-name'], 'sname', SNAME_LENGTH, problems),
    filename: parseField(scope.filename, 'file', FILE_LENGTH, problems),
    filenameByFirmware: parseFilenameByArch(scope['filename-by-arch'], problems),
    defaultLeaseSeconds: scope['default-lease-time']?.value,
    minLeaseSeconds: scope['min-lease-time']?.value,
    maxLeaseSeconds: scope['max-lease-time']?.value,
    authoritative: scope.authoritative?.value,
    allowBooting: scope['allow-booting']?.value,
    allowBootp: scope['allow-bootp']?.value,
    ignoreClientUids: scope['ignore-client-uids']?.value,
    pingCheck: scope['ping-check']?.value,
  };
  return { parameters, leaseTimes: checkLeaseTimes(scope, outer, problems) };
}

/** An IPv4 address; whatever else stands there is reported. */
export function parseAddress(written: Located<string> | undefined, problems: ProblemList): Ipv4 | undefined {
  if (written === undefined) return undefined;
  const address = parseIpv4(written.value);
  if (address !== undefined) return address;
  const looksLikeName = /^[a-z][\w.-]*$/i.test(written.value) && !written.value.includes('..');
  problems.error(
    written.place,
    looksLikeName
      ? `'${written.value}' is a host name; names are not looked up, write its IPv4 address`
      : `'${written.value}' is no IPv4 address`,
  );
  return undefined;
}

function parseField(
  written: Located<string> | undefined,
  field: string,
  longest: number,
  problems: ProblemList,
): string | undefined {
  if (written === undefined) return undefined;
  const { length } = new TextEncoder().encode(written.value);
  if (length > longest) {
    problems.error(
      written.place,
      `${length} octets are too long: the field '${field}' of a reply holds ${longest}`,
    );
    return undefined;
  }
  if (/\p{Cc}/u.test(written.value)) {
    problems.error(written.place, `a control character cannot stand in the field '${field}'`);
    return undefined;
  }
  return written.value;
}

function parseFilenameByArch(
  written: RawScopeContent['filename-by-arch'],
  problems: ProblemList,
): BootFileByFirmware | undefined {
  if (written === undefined) return undefined;
  const files: Partial<Record<FirmwareKind, string>> = {};
  for (const kind of FIRMWARE_KINDS) {
    const file = parseField(written.value[kind], 'file', FILE_LENGTH, problems);
    if (file !== undefined) files[kind] = file;
  }
  return files;
}

type RawScopeContent = Located<RawScope>['value'];

/**
 * Compares the lease times that hold in a scope. In one and the same scope a contradiction is an error; where only an
 * inner scope makes it, dhcpd clamps, and so do we, but hardly anybody means it.
 */
function checkLeaseTimes(scope: RawScopeContent, outer: LeaseTimes, problems: ProblemList): LeaseTimes {
  const own: LeaseTimes = {
    'min-lease-time': scope['min-lease-time'],
    'default-lease-time': scope['default-lease-time'],
    'max-lease-time': scope['max-lease-time'],
  };
  const all: LeaseTimes = {
    'min-lease-time': own['min-lease-time'] ?? outer['min-lease-time'],
    'default-lease-time': own['default-lease-time'] ?? outer['default-lease-time'],
    'max-lease-time': own['max-lease-time'] ?? outer['max-lease-time'],
  };
  const compare = (lower: LeaseTimeKey, upper: LeaseTimeKey): void => {
    const low = all[lower];
    const high = all[upper];
    if (low === undefined || high === undefined || low.value <= high.value) return;
    if (own[lower] === undefined && own[upper] === undefined) return;
    const [here, there] = own[lower] === undefined ? [high, low] : [low, high];
    const [hereKey, thereKey] = own[lower] === undefined ? [upper, lower] : [lower, upper];
    const relation = own[lower] === undefined ? 'below' : 'above';
    const sentence =
      `${hereKey} ${here.value} is ${relation} ${thereKey} ${there.value} (line ${there.place.line}): ` +
      'min-lease-time <= default-lease-time <= max-lease-time must hold';
    if (own[lower] !== undefined && own[upper] !== undefined) problems.error(here.place, sentence);
    else problems.warn(here.place, `${sentence}; ${upper} wins`);
  };
  compare('min-lease-time', 'default-lease-time');
  compare('default-lease-time', 'max-lease-time');
  if (all['default-lease-time'] === undefined) compare('min-lease-time', 'max-lease-time');
  return all;
}
