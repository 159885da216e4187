import { formatIpv4, ipv4FromBytes, type Ipv4 } from '../addr/ipv4.ts';
import { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { keywordOf, type PlainStatement } from './dhcpd-conf-parser.ts';
import { readHardware, type Hardware } from './hardware.ts';
import type { LeaseStatement } from './lease-declaration.ts';
import type { LossList } from './loss-list.ts';
import { readParameter } from './parameter-statements.ts';
import { ScopeBuilder } from './scope-content.ts';
import type { HostDraft } from './site.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault, subjectOf, TokenReader } from './token-reader.ts';

/** What a host of a lease file may be told is written with names of dhcpd's own spaces only. */
const NAMES = { catalogue: new OptionCatalogue(), unusable: new Set<string>() };

/**
 * Reads the statements of `host NAME { }`, as OMAPI has made it. Undefined when it was deleted again, or names no machine. What cannot be
 * carried over is listed. Throws StatementFault for a declaration that is broken.
 */
export function readLeaseFileHost(
  name: string,
  place: SourcePlace,
  statements: readonly LeaseStatement[],
  losses: LossList,
): HostDraft | undefined {
  let hardware: Hardware | undefined;
  let clientId: Uint8Array | undefined;
  let fixedAddresses: readonly Ipv4[] = [];
  let isDeleted = false;
  const scope = new ScopeBuilder();
  for (const { words, place: at } of statements) {
    const reader = new TokenReader(words.slice(1), at);
    switch (keywordOf(words[0])) {
      case 'deleted':
        isDeleted = true;
        break;
      case 'dynamic':
        break;
      case 'hardware':
        hardware = readHardware(reader);
        break;
      case 'uid':
        clientId = readUid(reader);
        break;
      case 'fixed-address':
        fixedAddresses = readAddresses(reader);
        break;
      default:
        readSupersede({ kind: 'plain', words, place: at }, scope, losses);
    }
  }
  if (isDeleted || (hardware === undefined && clientId === undefined)) return undefined;
  const scopes = [scope.build()];
  return { name, place, hardware, clientId, fixedAddresses, scopes, inherits: [], declaredIn: undefined };
}

function readUid(reader: TokenReader): Uint8Array {
  const token = reader.peek();
  if (token?.kind !== 'string') return reader.readOctets('a client-id');
  reader.step();
  return token.octets;
}

function readAddresses(reader: TokenReader): readonly Ipv4[] {
  const addresses: Ipv4[] = [];
  do addresses.push(reader.readAddress());
  while (reader.takeSign(','));
  return addresses;
}

/** `supersede server.filename = "x"` is the parameter `filename`, and so on; other names are those of options. */
function readSupersede(statement: PlainStatement, scope: ScopeBuilder, losses: LossList): void {
  const { words, place } = statement;
  try {
    const parameter = readParameter(isOfServer(words) ? withoutServer(statement) : statement, NAMES);
    if (parameter?.kind === 'setting') scope.set(parameter.setting);
    else losses.lose(place, subjectOf(words), 'bootd knows no such statement of a host');
  } catch (error) {
    if (!(error instanceof StatementFault)) throw error;
    losses.lose(error.place, subjectOf(words), error.message);
  }
}

function isOfServer(words: PlainStatement['words']): boolean {
  return keywordOf(words[0]) === 'supersede' && keywordOf(words[1]) === 'server' && words[2]?.source === '.';
}

/** `supersede server.NAME = VALUE` as `NAME VALUE`; dhcpd writes an address as octets there. */
function withoutServer(statement: PlainStatement): PlainStatement {
  const [name, equals, ...value] = statement.words.slice(3);
  if (name === undefined || equals?.source !== '=') return statement;
  const reader = new TokenReader(value, statement.place);
  const isOctets = keywordOf(name) === 'next-server' && value.some(({ source }) => source === ':');
  const address = isOctets ? ipv4FromBytes(reader.readOctets('an address')) : undefined;
  if (address === undefined) return { ...statement, words: [name, ...value] };
  const dotted = formatIpv4(address).split(/(?=\.)|(?<=\.)/);
  const tokens = dotted.map((source) => ({
    ...name,
    kind: source === '.' ? ('sign' as const) : ('word' as const),
    source,
    text: source,
  }));
  return { ...statement, words: [name, ...tokens] };
}
