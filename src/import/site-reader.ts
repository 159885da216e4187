import { subnetContains } from '../addr/subnet.ts';
import { ClassCollector } from './class-declarations.ts';
import {
  keywordOf,
  type BlockStatement,
  type ConfStatement,
  type PlainStatement,
} from './dhcpd-conf-parser.ts';
import { readHost } from './host-declarations.ts';
import { readPool, readRange, readSubnetHead, trimRanges } from './network-declarations.ts';
import { EMPTY_SCOPE, mergeScopes, type ScopeContent } from './scope-content.ts';
import type { Declaration, ReadScope, ScopeReader } from './scope-reader.ts';
import type { HostDraft, NetworkDraft, RangeDraft, Site, SubnetDraft } from './site.ts';
import { subjectOf, TokenReader } from './token-reader.ts';

/** Where a declaration stands. */
interface Surroundings {
  readonly groups: readonly ScopeContent[];
  /** The contents of shared network and subnet, with the groups around them. */
  readonly networks: readonly ScopeContent[];
  readonly network: OpenNetwork | undefined;
  readonly subnet: OpenSubnet | undefined;
}

/** A subnet that is being read. */
type OpenSubnet = { -readonly [Key in keyof SubnetDraft]: SubnetDraft[Key] };

interface OpenNetwork {
  readonly subnets: OpenSubnet[];
  /** Ranges of pools that stand beside the subnets. */
  readonly ranges: RangeDraft[];
}

const TOP_LEVEL: Surroundings = { groups: [], networks: [], network: undefined, subnet: undefined };

/** Reads all declarations of a file; groups are resolved into what they hold. */
export function readSite(statements: readonly ConfStatement[], scopes: ScopeReader): Site {
  const reader = new SiteReader(scopes);
  const global = reader.readBody(statements, TOP_LEVEL);
  return reader.site(global);
}

class SiteReader {
  readonly #scopes: ScopeReader;
  readonly #classes: ClassCollector;
  readonly #networks: NetworkDraft[] = [];
  readonly #subnets: OpenSubnet[] = [];
  readonly #hosts: HostDraft[] = [];
  readonly #interfaces = new Set<string>();

  constructor(scopes: ScopeReader) {
    this.#scopes = scopes;
    this.#classes = new ClassCollector(scopes);
  }

  site(global: ScopeContent): Site {
    return {
      global,
      networks: this.#networks,
      subnets: this.#subnets,
      hosts: this.#hosts,
      classes: this.#classes.classes(),
      interfaces: [...this.#interfaces],
    };
  }

  /** Reads what stands between two braces, or in the whole file, and all declarations in it; returns what the scope says. */
  readBody(body: readonly ConfStatement[], around: Surroundings): ScopeContent {
    const { content, declarations } = this.#read(body, around);
    this.#readDeclarations(declarations, around);
    return content;
  }

  #read(body: readonly ConfStatement[], around: Surroundings): ReadScope {
    return this.#scopes.read(body, (keyword, statement) => mayStand(keyword, statement, around));
  }

  #readDeclarations(declarations: readonly Declaration[], around: Surroundings): void {
    for (const declaration of declarations) {
      if (declaration.kind === 'block') this.#readBlock(declaration, around);
      else this.#readPlain(declaration, around);
    }
  }

  #readBlock(statement: BlockStatement, around: Surroundings): void {
    switch (keywordOf(statement.words[0])) {
      case 'group':
        this.#readGroup(statement, around);
        break;
      case 'shared-network':
        this.#readSharedNetwork(statement, around);
        break;
      case 'subnet':
        this.#readSubnet(statement, around);
        break;
      case 'pool':
        this.#readPool(statement, around);
        break;
      case 'host': {
        const { groups, networks, subnet } = around;
        const surroundings = { groups, inherits: networks, declaredIn: subnet?.subnet };
        const host = readHost(statement, surroundings, this.#scopes);
        if (host !== undefined) this.#hosts.push(host);
        break;
      }
      case 'class':
        this.#classes.addClass(statement, around.groups);
        break;
      case 'subclass':
        this.#classes.addSubclass(statement, around.groups);
        break;
      default:
        this.#scopes.reportStranger(statement);
    }
  }

  #readPlain(statement: PlainStatement, around: Surroundings): void {
    const { words, place } = statement;
    switch (keywordOf(words[0])) {
      case 'range':
        this.#scopes.attempt(words, () => this.#addRanges([readRange(statement, undefined)], around));
        break;
      case 'subclass':
        this.#classes.addSubclass(statement, around.groups);
        break;
      case 'interface':
        this.#scopes.attempt(words, () => {
          const reader = new TokenReader(words.slice(1), place);
          this.#interfaces.add(reader.readName('the name of an interface'));
          reader.readEnd();
        });
        break;
      default:
        this.#scopes.reportStranger(statement);
    }
  }

  #readGroup({ body }: BlockStatement, around: Surroundings): void {
    // What a group says counts for what is declared in it, so it is read first.
    const { content, declarations } = this.#read(body, around);
    this.#readDeclarations(declarations, { ...around, groups: [...around.groups, content] });
  }

  #readSharedNetwork(statement: BlockStatement, around: Surroundings): void {
    const { words, place, body } = statement;
    const name = this.#scopes.attempt(words, () => {
      const reader = new TokenReader(words.slice(1), place);
      const text = reader.readName('the name of the network');
      reader.readEnd();
      return text;
    });
    const network: OpenNetwork = { subnets: [], ranges: [] };
    const inside: Surroundings = { ...around, groups: [], network };
    const { content: own, declarations } = this.#read(body, inside);
    const content = mergeScopes(...around.groups, own);
    this.#readDeclarations(declarations, { ...inside, networks: [content] });
    if (network.subnets.length === 0) {
      this.#scopes.losses.lose(place, subjectOf(words), 'there is no subnet in it');
      return;
    }
    this.#placeRanges(network);
    this.#networks.push({ name: name ?? 'unnamed', place, content, subnets: network.subnets });
  }

  #readSubnet(statement: BlockStatement, around: Surroundings): void {
    const { words, place, body } = statement;
    const subnet = this.#scopes.attempt(words, () => readSubnetHead(statement));
    if (subnet === undefined) return;
    const overlapped = this.#subnets.find(
      (other) => subnetContains(other.subnet, subnet.network) || subnetContains(subnet, other.subnet.network),
    );
    if (overlapped !== undefined) {
      const reason = `it overlaps the subnet in line ${overlapped.place.line}`;
      this.#scopes.losses.lose(place, subjectOf(words), reason);
      return;
    }
    const [surrounding = EMPTY_SCOPE] = around.networks;
    const open: OpenSubnet = { subnet, place, content: EMPTY_SCOPE, around: surrounding, ranges: [] };
    const inside: Surroundings = { ...around, groups: [], subnet: open };
    const { content, declarations } = this.#read(body, inside);
    open.content = mergeScopes(...around.groups, content);
    this.#subnets.push(open);
    around.network?.subnets.push(open);
    this.#readDeclarations(declarations, { ...inside, networks: [...around.networks, open.content] });
    open.ranges = trimRanges(open.ranges, subnet, this.#scopes);
  }

  #readPool(statement: BlockStatement, around: Surroundings): void {
    this.#addRanges(readPool(statement, this.#scopes), around);
  }

  #addRanges(ranges: readonly RangeDraft[], { subnet, network }: Surroundings): void {
    if (subnet !== undefined) subnet.ranges = [...subnet.ranges, ...ranges];
    else network?.ranges.push(...ranges);
  }

  /** Gives the ranges that stand beside subnets to the subnets that they lie in. */
  #placeRanges({ subnets, ranges }: OpenNetwork): void {
    for (const range of ranges) {
      const home = subnets.find(({ subnet }) => subnetContains(subnet, range.first));
      if (home === undefined) {
        this.#scopes.losses.lose(range.place, subjectOf(range.words), 'it lies in no subnet of the network');
      } else home.ranges = trimRanges([...home.ranges, range], home.subnet, this.#scopes);
    }
  }
}

/** The keywords of declarations with and without a block, and where dhcpd lets them stand. */
function mayStand(keyword: string, statement: Declaration, around: Surroundings): boolean {
  const { network, subnet, groups } = around;
  const isInNetwork = network !== undefined || subnet !== undefined;
  if (statement.kind === 'plain') {
    if (keyword === 'range') return subnet !== undefined && groups.length === 0;
    return keyword === 'subclass' || (keyword === 'interface' && isInNetwork);
  }
  switch (keyword) {
    case 'group':
    case 'host':
    case 'class':
    case 'subclass':
      return true;
    case 'shared-network':
      return !isInNetwork;
    case 'subnet':
      return subnet === undefined;
    case 'pool':
      return isInNetwork && groups.length === 0;
    default:
      return false;
  }
}
