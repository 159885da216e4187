import type { Ipv4 } from '../addr/ipv4.ts';
import { DhcpdConfLexer, type LexerMark, type Token } from './dhcpd-conf-lexer.ts';
import { isSign, keywordOf } from './dhcpd-conf-parser.ts';
import { readLeaseRecord, type LeaseStatement } from './lease-declaration.ts';
import type { LeaseFileRecord } from './lease-file-records.ts';
import { readLeaseFileHost } from './lease-file-hosts.ts';
import { LossList, type Loss } from './loss-list.ts';
import type { HostDraft } from './site.ts';
import { ImportError, type SourcePlace } from './source-place.ts';
import { StatementFault, TokenReader } from './token-reader.ts';

/** What a dhcpd.leases holds. */
export interface LeaseFile {
  /** One for each address, in the order of addresses. */
  readonly records: readonly LeaseFileRecord[];
  /** Hosts that were made by OMAPI and not deleted again. */
  readonly hosts: readonly HostDraft[];
  /** What could not be read. A torn last record, as a crash leaves it, is a note. */
  readonly losses: readonly Loss[];
}

/**
 * Reads a dhcpd.leases(5). The file is a log: of several declarations of an address, or of a host, the last one counts. A declaration that
 * cannot be read is listed, and reading goes on with the next one. Never throws.
 */
export function parseDhcpdLeases(text: string, file: string): LeaseFile {
  return new LeaseFileParser(text, file).parse();
}

/** dhcpd begins each declaration at the left margin, with one of these words. */
const KEYWORDS = [
  'lease',
  'host',
  'failover',
  'group',
  'class',
  'subclass',
  'server-duid',
  'authoring-byte-order',
] as const;
const BEGINNINGS: ReadonlySet<string> = new Set(KEYWORDS);
const DECLARATION = new RegExp(`(?<=\\n)(?:${KEYWORDS.join('|')})\\b`, 'g');

/** Blocks inside of a lease are skipped, `on expiry { … }`; more nesting than this is damage. */
const DEEPEST_NESTING = 32;

class LeaseFileParser {
  readonly #lexer: DhcpdConfLexer;
  readonly #losses = new LossList();
  readonly #records = new Map<Ipv4, LeaseFileRecord>();
  readonly #hosts = new Map<string, HostDraft>();

  constructor(text: string, file: string) {
    this.#lexer = new DhcpdConfLexer(text, file);
  }

  parse(): LeaseFile {
    for (;;) {
      const mark = this.#lexer.mark();
      try {
        const first = this.#lexer.next();
        if (first === undefined) break;
        this.#readDeclaration(first);
      } catch (error) {
        this.#recover(error, mark);
      }
    }
    return {
      records: [...this.#records.values()].sort((a, b) => a.address - b.address),
      hosts: [...this.#hosts.values()],
      losses: this.#losses.sorted(),
    };
  }

  #readDeclaration(first: Token): void {
    if (isSign(first, '}')) {
      this.#losses.lose(first.place, 'this record', "this '}' closes nothing");
      return;
    }
    const { words, isBlock } = this.#readHead(first);
    const statements = isBlock ? this.#readStatements() : [];
    try {
      this.#takeDeclaration(first, words, isBlock, statements);
    } catch (error) {
      if (!(error instanceof StatementFault)) throw error;
      // It was read to its end, so that what comes next is the next one.
      this.#losses.lose(error.place, 'this record', error.message);
    }
  }

  #takeDeclaration(
    first: Token,
    words: readonly Token[],
    isBlock: boolean,
    statements: readonly LeaseStatement[],
  ): void {
    const keyword = keywordOf(first);
    const reader = new TokenReader(words.slice(1), first.place);
    if (keyword === 'lease' && isBlock) {
      const address = reader.readAddress();
      reader.readEnd();
      this.#records.set(address, readLeaseRecord(address, first.place, statements));
    } else if (keyword === 'host' && isBlock) {
      const name = reader.peek()?.kind === 'string' ? reader.readText('a name') : reader.readDotted('a name');
      reader.readEnd();
      const host = readLeaseFileHost(name, first.place, statements, this.#losses);
      this.#hosts.delete(name);
      if (host !== undefined) this.#hosts.set(name, host);
    } else if (keyword === 'failover') {
      this.#losses.note(first.place, 'failover', 'bootd has no failover; its leases are taken as they are');
    } else if (keyword === undefined || !SILENT_KEYWORDS.has(keyword)) {
      throw new StatementFault(first.place, `'${first.source}' begins no declaration of a lease file`);
    }
  }

  /** The words up to the semicolon or the opening brace. */
  #readHead(first: Token): { readonly words: readonly Token[]; readonly isBlock: boolean } {
    const words: Token[] = [];
    for (let token: Token | undefined = first; token !== undefined; token = this.#nextInside()) {
      if (isSign(token, ';', '{')) return { words, isBlock: isSign(token, '{') };
      if (isSign(token, '}')) throw new StatementFault(token.place, "this '}' closes nothing");
      words.push(token);
    }
    throw new UnexpectedEnd(first.place);
  }

  /** The statements up to the closing brace. */
  #readStatements(): readonly LeaseStatement[] {
    const statements: LeaseStatement[] = [];
    for (;;) {
      const token = this.#nextInside();
      if (token === undefined) throw new UnexpectedEnd(this.#lexer.place());
      if (isSign(token, '}')) return statements;
      if (isSign(token, ';')) continue;
      const { words, isBlock } = this.#readHead(token);
      if (isBlock) this.#skipBlock();
      else statements.push({ words, place: token.place });
    }
  }

  #skipBlock(): void {
    let depth = 1;
    while (depth > 0) {
      const token = this.#nextInside();
      if (token === undefined) throw new UnexpectedEnd(this.#lexer.place());
      if (isSign(token, '{')) depth += 1;
      if (isSign(token, '}')) depth -= 1;
      if (depth > DEEPEST_NESTING) throw new StatementFault(token.place, 'nested too deeply');
    }
  }

  /**
   * The next token of a declaration. One that never ends is given up where the next begins: read on to the end of the
   * file, a few thousand of them would take minutes.
   */
  #nextInside(): Token | undefined {
    const token = this.#lexer.next();
    const keyword = keywordOf(token);
    if (token?.place.column === 1 && keyword !== undefined && BEGINNINGS.has(keyword)) {
      throw new StatementFault(token.place, 'the record before this one has no end');
    }
    return token;
  }

  /** Lists a declaration whose end cannot be found, and goes on with the next one at the left margin. */
  #recover(error: unknown, mark: LexerMark): void {
    const isExpected =
      error instanceof StatementFault || error instanceof ImportError || error instanceof UnexpectedEnd;
    if (!isExpected) throw error;
    this.#lexer.resumeAt(DECLARATION, mark);
    const isLast = this.#lexer.isAtEnd;
    if (isLast && !(error instanceof StatementFault)) {
      const reason = 'it is torn, as a crash leaves it; what the file says before it counts';
      this.#losses.note(error.place, 'the last record', reason);
    } else this.#losses.lose(error.place, 'this record', error.message);
  }
}

/** The file ends inside of a declaration. */
class UnexpectedEnd extends Error {
  override readonly name = 'UnexpectedEnd';
  readonly place: SourcePlace;

  constructor(place: SourcePlace) {
    super('the file ends in the middle of it');
    this.place = place;
  }
}

/** What dhcpd writes besides, and what says nothing about leases. */
const SILENT_KEYWORDS: ReadonlySet<string> = new Set([
  'authoring-byte-order',
  'class',
  'group',
  'server-duid',
  'subclass',
]);
