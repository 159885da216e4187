import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { OPTION, optionByName } from '../wire/dhcp/option-codes.ts';
import { isSign, keywordOf, type BlockStatement, type PlainStatement } from './dhcpd-conf-parser.ts';
import { readHardware, type Hardware } from './hardware.ts';
import type { LossList } from './loss-list.ts';
import { allSettings, type ScopeContent } from './scope-content.ts';
import type { Declaration, ScopeReader } from './scope-reader.ts';
import type { HostDraft } from './site.ts';
import { StatementFault, subjectOf, TokenReader } from './token-reader.ts';

/** What is around a host declaration. */
export interface HostSurroundings {
  readonly groups: readonly ScopeContent[];
  readonly inherits: HostDraft['inherits'];
  readonly declaredIn: HostDraft['declaredIn'];
}

const HOST_KEYWORDS: ReadonlySet<string> = new Set([
  'hardware',
  'fixed-address',
  'host-identifier',
  'uid',
  'dynamic',
]);

/** `host NAME { }`; undefined when it says of no machine that bootd could recognise, which is listed. */
export function readHost(
  statement: BlockStatement,
  surroundings: HostSurroundings,
  scopes: ScopeReader,
): HostDraft | undefined {
  const { words, place, body } = statement;
  const name = scopes.attempt(words, () => readHostName(statement));
  if (name === undefined) return undefined;
  const read = scopes.read(
    body,
    (keyword, declaration) => HOST_KEYWORDS.has(keyword) || setsClientId(keyword, declaration),
  );
  let hardware: Hardware | undefined;
  let clientId: Uint8Array | undefined;
  let fixedAddresses: readonly Ipv4[] = [];
  for (const declaration of read.declarations) {
    if (declaration.kind === 'block') {
      scopes.reportStranger(declaration);
      continue;
    }
    scopes.attempt(declaration.words, () => {
      const keyword = keywordOf(declaration.words[0]);
      const reader = new TokenReader(declaration.words.slice(1), declaration.place);
      if (keyword === 'hardware') hardware = readHardware(reader);
      else if (keyword === 'fixed-address') fixedAddresses = readAddresses(reader, declaration, scopes);
      else if (keyword === 'host-identifier') throw hostIdentifierFault(declaration);
      else if (keyword !== 'dynamic') clientId = readClientId(reader, keyword === 'option');
    });
  }
  if (hardware === undefined && clientId === undefined) {
    reportNobody(statement, fixedAddresses, read.content, scopes.losses);
    return undefined;
  }
  const { groups, inherits, declaredIn } = surroundings;
  const own = [...groups, read.content];
  return { name, place, hardware, clientId, fixedAddresses, scopes: own, inherits, declaredIn };
}

/** Lists a host that is no machine, with all that is said in it. */
function reportNobody(
  { words, place }: BlockStatement,
  fixedAddresses: readonly Ipv4[],
  content: ScopeContent,
  losses: LossList,
): void {
  const addresses = fixedAddresses.map(formatIpv4).join(', ');
  const reason = 'it names no hardware address and no client-id';
  losses.lose(
    place,
    subjectOf(words),
    addresses === '' ? reason : `${reason}; so ${addresses} is kept for nobody`,
  );
  for (const setting of allSettings(content)) {
    losses.lose(setting.place, subjectOf(setting.words), `it is for ${subjectOf(words)}, which is left out`);
  }
}

function readHostName({ words, place }: Declaration): string {
  const reader = new TokenReader(words.slice(1), place);
  const name =
    reader.peek()?.kind === 'string' ? reader.readText('a name') : reader.readDotted('the name of the host');
  reader.readEnd();
  return name;
}

function setsClientId(keyword: string, { words }: Declaration): boolean {
  if (keyword !== 'option' || words[1]?.kind !== 'word' || isSign(words[2], '.')) return false;
  return optionByName(words[1].source)?.code === OPTION.clientIdentifier;
}

/** Host names among the addresses are listed; the rest counts. */
function readAddresses(reader: TokenReader, { words }: PlainStatement, scopes: ScopeReader): readonly Ipv4[] {
  const addresses: Ipv4[] = [];
  do {
    const address = scopes.attempt(words, () => reader.readAddress());
    if (address !== undefined) addresses.push(address);
  } while (reader.takeSign(','));
  reader.readEnd();
  return addresses;
}

function readClientId(reader: TokenReader, isOption: boolean): Uint8Array {
  if (isOption) reader.readWord('the name of an option');
  reader.takeSign('=');
  const { place } = reader;
  const token = reader.peek();
  if (token?.kind === 'string') reader.step();
  const octets = token?.kind === 'string' ? token.octets : reader.readOctets('a client-id');
  reader.readEnd();
  if (octets.length >= 1 && octets.length <= 255) return octets;
  throw new StatementFault(place, 'a client-id has 1 to 255 octets');
}

function hostIdentifierFault({ place }: PlainStatement): StatementFault {
  return new StatementFault(
    place,
    'bootd recognises a reserved machine by its hardware address or client-id; a range that only a class may use can do the rest',
  );
}
