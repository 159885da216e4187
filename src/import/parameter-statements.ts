import { formatIpv4 } from '../addr/ipv4.ts';
import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { isSign, keywordOf, type PlainStatement } from './dhcpd-conf-parser.ts';
import { readConstant, readOptionValue } from './option-value.ts';
import type { Setting } from './scope-content.ts';
import { StatementFault, TokenReader } from './token-reader.ts';
import type { YamlNode } from './yaml-document.ts';

/** What the names of options mean in the file that is read. */
export interface OptionNames {
  readonly catalogue: OptionCatalogue;
  readonly unusable: ReadonlySet<string>;
}

/**
 * Settings without a key of their own in bootd.yaml: they decide how others are written. `unknown-clients` is dhcpd's `allow`
 * or `deny unknown-clients`, `use-host-decl-names` and `vendor-option-space` are statements of that name.
 */
export type InnerKey = 'unknown-clients' | 'use-host-decl-names' | 'vendor-option-space';

/** What a parameter statement comes to: a setting, or a reason why nothing is lost without it. */
export type ReadParameter =
  | { readonly kind: 'setting'; readonly setting: Setting }
  | { readonly kind: 'note' | 'loss'; readonly reason: string };

const SECONDS_KEYS = new Set([
  'default-lease-time',
  'max-lease-time',
  'min-lease-time',
  'abandon-lease-time',
]);
const LONGEST_TIME = 0xffff_ffff;

/** Statements of the form `KEY on;`, by what bootd.yaml calls them. */
const FLAGS: Readonly<Record<string, string>> = {
  'boot-unknown-clients': 'unknown-clients',
  'ignore-client-uids': 'ignore-client-uids',
  'ping-check': 'ping-check',
  'use-host-decl-names': 'use-host-decl-names',
};

const ADDRESS_KEYS = new Set(['next-server', 'server-identifier']);
const PORT_KEYS: Readonly<Record<string, string>> = { 'local-port': 'port', 'remote-port': 'client-port' };

/** Octets of the BOOTP fields without the NUL at their end (RFC 951 section 3). */
const TEXT_KEYS: Readonly<Record<string, number>> = { filename: 127, 'server-name': 63 };

/** Options that every reply works out for itself. */
const COMPUTED: ReadonlySet<number> = new Set<number>([
  OPTION.requestedAddress,
  OPTION.leaseTime,
  OPTION.overload,
  OPTION.messageType,
  OPTION.parameterRequestList,
  OPTION.maximumMessageSize,
  OPTION.clientIdentifier,
  OPTION.relayAgentInformation,
]);

/** Reads a statement that gives a scope a value. Undefined when it is none; throws StatementFault when it is a bad one. */
export function readParameter(statement: PlainStatement, names: OptionNames): ReadParameter | undefined {
  const { words, place } = statement;
  const keyword = keywordOf(words[0]);
  if (keyword === undefined) return undefined;
  const reader = new TokenReader(words.slice(1), place);
  const settingOf = (key: string, value: YamlNode): ReadParameter => {
    reader.readEnd();
    return { kind: 'setting', setting: { key, name: key, isOption: false, value, place, words } };
  };
  if (SECONDS_KEYS.has(keyword)) return settingOf(keyword, readSeconds(reader));
  if (ADDRESS_KEYS.has(keyword)) return settingOf(keyword, formatIpv4(reader.readAddress()));
  const flag = FLAGS[keyword];
  if (flag !== undefined) return settingOf(flag, readFlag(reader));
  const port = PORT_KEYS[keyword];
  if (port !== undefined) return settingOf(port, readPort(reader));
  const longest = TEXT_KEYS[keyword];
  if (longest !== undefined) return settingOf(keyword, readField(reader, longest));
  switch (keyword) {
    case 'authoritative':
      return settingOf(keyword, true);
    case 'not':
      return reader.takeWord('authoritative') === undefined ? undefined : settingOf('authoritative', false);
    case 'vendor-option-space':
      return settingOf(keyword, reader.readWord('the name of a space'));
    case 'option':
    case 'supersede':
      return readOption(statement, reader, names);
    case 'allow':
    case 'deny':
    case 'ignore':
      return readPermission(keyword, reader, settingOf);
    default:
      return undefined;
  }
}

function readSeconds(reader: TokenReader): number {
  const { place } = reader;
  const text = reader.readWord('a number of seconds');
  // -1 is how dhcpd's users write "for ever".
  const value = text === '-1' ? LONGEST_TIME : Number(/^(?:\d+|0x[\da-f]+)$/i.test(text) ? text : Number.NaN);
  if (value >= 1 && value <= LONGEST_TIME) return value;
  throw new StatementFault(place, `expected a number of seconds from 1 to ${LONGEST_TIME}, found '${text}'`);
}

function readFlag(reader: TokenReader): boolean {
  const word = reader.takeWord('on', 'true', 'off', 'false');
  if (word === undefined) throw reader.expected("'on' or 'off'");
  return word === 'on' || word === 'true';
}

function readPort(reader: TokenReader): number {
  const { place } = reader;
  const port = reader.readDecimal('a port');
  if (port >= 1 && port <= 65_535) return port;
  throw new StatementFault(place, `${port} is no port`);
}

function readField(reader: TokenReader, longest: number): string {
  const { place } = reader;
  reader.takeSign('=');
  const token = reader.peek();
  if (token?.kind !== 'string' || reader.peek(1) !== undefined) {
    throw new StatementFault(
      place,
      'its value is worked out for each request; bootd sends fixed values only',
    );
  }
  const text = reader.readText('text in quotes');
  if (token.octets.length > longest) {
    throw new StatementFault(place, `${token.octets.length} octets do not fit; there is room for ${longest}`);
  }
  if (/\p{Cc}/u.test(text)) throw new StatementFault(place, 'it holds a control character');
  return text;
}

function readOption(statement: PlainStatement, reader: TokenReader, names: OptionNames): ReadParameter {
  const { words, place } = statement;
  const namePlace = reader.place;
  const name = reader.readDotted('the name of an option');
  const option = names.unusable.has(name.toLowerCase()) ? undefined : names.catalogue.find(name);
  if (option === undefined) {
    const isDefined = names.unusable.has(name.toLowerCase());
    const reason = isDefined ? 'its definition was left out' : `bootd knows no option '${name}'`;
    throw new StatementFault(namePlace, reason);
  }
  const { code, space, type } = option;
  if (space === undefined && code === OPTION.serverIdentifier) {
    const value = formatIpv4(reader.readAddress());
    reader.readEnd();
    const key = 'server-identifier';
    return { kind: 'setting', setting: { key, name: key, isOption: false, value, place, words } };
  }
  if (space === 'agent' || (space === undefined && COMPUTED.has(code))) {
    throw new StatementFault(namePlace, 'every reply works out this option for itself');
  }
  const value = reader.takeSign('=') ? readConstant(type, reader) : readOptionValue(type, reader);
  const key = `option ${space ?? ''}.${code}`;
  return { kind: 'setting', setting: { key, name: option.name, isOption: true, value, place, words } };
}

/** `allow`, `deny` and `ignore` outside of pools. */
function readPermission(
  verb: 'allow' | 'deny' | 'ignore',
  reader: TokenReader,
  settingOf: (key: string, value: YamlNode) => ReadParameter,
): ReadParameter | undefined {
  const allowed = verb === 'allow';
  const what = reader.takeWord(
    'booting',
    'bootp',
    'unknown-clients',
    'declines',
    'duplicates',
    'client-updates',
    'leasequery',
  );
  switch (what) {
    case 'booting':
    case 'bootp':
      return settingOf(`allow-${what}`, allowed);
    case 'unknown-clients':
      return settingOf(what, allowed);
    case 'declines':
      return {
        kind: 'note',
        reason: 'bootd takes a DECLINE from the machine that was given the address, and from no other',
      };
    case 'duplicates':
      return allowed
        ? { kind: 'note', reason: 'bootd always does so' }
        : {
            kind: 'loss',
            reason:
              'a machine that comes with another client-id gets another address; see `ignore-client-uids`',
          };
    case 'client-updates':
      return { kind: 'note', reason: 'bootd updates no DNS (DDNS)' };
    case 'leasequery':
      return allowed
        ? { kind: 'loss', reason: 'bootd answers no LEASEQUERY (RFC 4388)' }
        : { kind: 'note', reason: 'bootd answers no LEASEQUERY (RFC 4388)' };
    case undefined:
      return undefined;
  }
}

/** Whether a plain statement is a call, such as `log (info, "x")`. */
export function isCall({ words }: PlainStatement): boolean {
  return words[0]?.kind === 'word' && isSign(words[1], '(');
}
