import {
  contentText,
  requestName,
  stuckWithout,
  type BootVerdict,
  type FilePurpose,
  type FileRequest,
  type LoaderSteps,
} from './file-request.ts';
import { GrubSyntaxError, parseGrubScript, type GrubStatement, type GrubWord } from './grub-script.ts';

/** Makes the request for a file that a script names; `tested` when the script only wants to know that it is there. */
export type GrubFileOpener = (purpose: FilePurpose, name: string, tested: boolean) => FileRequest;

/** A script that runs longer than this is a loop. */
const MOST_COMMANDS = 10_000;
const DEEPEST_NESTING = 32;

interface MenuEntry {
  readonly title: string;
  readonly id: string | undefined;
  readonly body: readonly GrubStatement[];
}

/** How a command ended: with a status as in a shell, or with the end of the whole boot. */
type CommandEnd =
  | { readonly kind: 'status'; readonly ok: boolean }
  | { readonly kind: 'verdict'; readonly verdict: BootVerdict };

const OK: CommandEnd = { kind: 'status', ok: true };
const NOT_OK: CommandEnd = { kind: 'status', ok: false };

/**
 * Runs GRUB's configuration as far as it decides what is loaded: variables, conditions, loops, functions, menu entries,
 * configfile, linux, initrd, chainloader, exit. Other commands succeed and do nothing. After the script, the default
 * entry is started, as GRUB does when nobody touches a key.
 */
export class GrubMachine {
  readonly #variables: Map<string, string>;
  readonly #open: GrubFileOpener;
  readonly #functions = new Map<string, readonly GrubStatement[]>();
  #entries: MenuEntry[] = [];
  #kernel: { readonly name: string; readonly parameters: string } | undefined;
  #ramdisks: string[] = [];
  /** Why a ramdisk of this kernel is missing: what `boot` would start then is not the boot that was meant. */
  #missingRamdisk: BootVerdict | undefined;
  /** `search` found something on a disk of the machine: what is loaded from here on does not come over the network. */
  #rootIsDisk = false;
  #commands = 0;
  #lastProblem: string | undefined;

  constructor(variables: ReadonlyMap<string, string>, open: GrubFileOpener) {
    this.#variables = new Map(variables);
    this.#open = open;
  }

  *run(text: string): LoaderSteps<BootVerdict> {
    const end = yield* this.#runText(text, 0);
    if (end.kind === 'verdict') return end.verdict;
    return yield* this.#startDefaultEntry();
  }

  *#runText(text: string, depth: number): LoaderSteps<CommandEnd> {
    try {
      return yield* this.#runAll(parseGrubScript(text), depth);
    } catch (error) {
      if (!(error instanceof GrubSyntaxError)) throw error;
      return verdict({ kind: 'stuck', reason: `GRUB cannot read its configuration: ${error.message}` });
    }
  }

  *#startDefaultEntry(): LoaderSteps<BootVerdict> {
    const wanted = this.#variables.get('default') ?? '0';
    const entry =
      this.#entries.find(({ title, id }) => id === wanted || title === wanted) ??
      this.#entries[Number(wanted)];
    const chosen = entry ?? this.#entries[0];
    if (chosen === undefined) {
      const reason =
        this.#lastProblem ?? 'the configuration of GRUB starts nothing, so it stops at its prompt';
      return { kind: 'stuck', reason };
    }
    const end = yield* this.#runAll(chosen.body, 0);
    // Each entry ends with `boot` of its own accord.
    const booted = end.kind === 'verdict' ? end : this.#boot();
    if (booted.kind === 'verdict') return booted.verdict;
    return { kind: 'stuck', reason: this.#lastProblem ?? `the entry "${chosen.title}" loads no kernel` };
  }

  *#runAll(statements: readonly GrubStatement[], depth: number): LoaderSteps<CommandEnd> {
    if (depth > DEEPEST_NESTING)
      return verdict({ kind: 'stuck', reason: 'the configuration of GRUB calls itself' });
    let last = OK;
    for (const statement of statements) {
      last = yield* this.#runOne(statement, depth);
      if (last.kind === 'verdict') return last;
    }
    return last;
  }

  *#runOne(statement: GrubStatement, depth: number): LoaderSteps<CommandEnd> {
    this.#commands += 1;
    if (this.#commands > MOST_COMMANDS)
      return verdict({ kind: 'stuck', reason: 'the configuration of GRUB runs in a loop' });
    switch (statement.kind) {
      case 'command':
        return yield* this.#runCommand(this.#expandAll(statement.words), depth);
      case 'entry':
        this.#addEntry(this.#expandAll(statement.words), statement.body);
        return OK;
      case 'function':
        this.#functions.set(statement.name, statement.body);
        return OK;
      case 'if':
        for (const { condition, body } of statement.branches) {
          const met = yield* this.#runAll(condition, depth + 1);
          if (met.kind === 'verdict') return met;
          if (met.ok) return yield* this.#runAll(body, depth + 1);
        }
        return yield* this.#runAll(statement.otherwise, depth + 1);
      case 'for':
        for (const word of this.#expandAll(statement.words)) {
          this.#variables.set(statement.variable, word);
          const end = yield* this.#runAll(statement.body, depth + 1);
          if (end.kind === 'verdict') return end;
        }
        return OK;
      case 'while':
        return yield* this.#runWhile(statement, depth);
      default:
        return statement satisfies never;
    }
  }

  *#runWhile(statement: GrubStatement & { kind: 'while' }, depth: number): LoaderSteps<CommandEnd> {
    for (;;) {
      const met = yield* this.#runAll(statement.condition, depth + 1);
      if (met.kind === 'verdict') return met;
      if (met.ok === statement.until) return OK;
      const end = yield* this.#runAll(statement.body, depth + 1);
      if (end.kind === 'verdict') return end;
    }
  }

  *#runCommand(words: readonly string[], depth: number): LoaderSteps<CommandEnd> {
    const [name = '', ...rest] = words;
    if (name === '!') return negated(yield* this.#runCommand(rest, depth));
    const body = this.#functions.get(name);
    if (body !== undefined) return yield* this.#runAll(body, depth + 1);
    switch (name) {
      case 'set':
        return this.#assign(rest);
      case 'unset':
        for (const variable of rest) this.#variables.delete(variable);
        return OK;
      case '[':
      case 'test':
        return yield* this.#test(rest.filter((word) => word !== ']'));
      case 'false':
        return NOT_OK;
      case 'configfile':
      case 'source':
      case '.':
        return yield* this.#include(name === 'configfile', rest[0] ?? '', depth);
      case 'linux':
      case 'linuxefi':
      case 'linux16':
        return yield* this.#linux(rest);
      case 'initrd':
      case 'initrdefi':
      case 'initrd16':
        return yield* this.#initrd(rest);
      case 'chainloader':
        return yield* this.#chainload(rest);
      case 'search':
      case 'search.file':
      case 'search.fs_label':
      case 'search.fs_uuid':
        this.#rootIsDisk = true;
        return OK;
      case 'boot':
        return this.#boot();
      case 'exit':
        return verdict({ kind: 'local-disk' });
      case 'reboot':
      case 'halt':
        return verdict({ kind: 'not-followed', reason: `the configuration of GRUB says ${name}` });
      default:
        return name.includes('=') ? this.#assign([name]) : OK;
    }
  }

  #assign(words: readonly string[]): CommandEnd {
    const [first = ''] = words;
    const at = first.indexOf('=');
    if (at <= 0) return OK;
    const variable = first.slice(0, at);
    const value = first.slice(at + 1);
    this.#variables.set(variable, value);
    if (variable === 'root') this.#rootIsDisk = /^\(?(?:hd|cd|md|lvm)/.test(value);
    return OK;
  }

  #addEntry(words: readonly string[], body: readonly GrubStatement[]): void {
    const idAt = words.findIndex((word) => word === '--id' || word.startsWith('--id='));
    const idWord = words[idAt] ?? '';
    const id = idWord.startsWith('--id=') ? idWord.slice('--id='.length) : words[idAt + 1];
    this.#entries.push({ title: words[0] ?? '', id: idAt < 0 ? undefined : id, body });
  }

  /** `test` of GRUB for files, emptiness and equality; what else it can do is not decided by a server. */
  *#test(words: readonly string[]): LoaderSteps<CommandEnd> {
    const [first = '', second, third] = words;
    if (first === '!') return negated(yield* this.#test(words.slice(1)));
    if ((first === '-s' || first === '-f' || first === '-e') && second !== undefined) {
      if (this.#isOnDisk(second)) return NOT_OK;
      const answer = yield this.#open('configuration', second, true);
      const isThere = answer.kind === 'served' || answer.kind === 'aborted';
      return status(isThere && (first !== '-s' || answer.octets !== 0));
    }
    if (first === '-n') return status(second !== undefined && second !== '');
    if (first === '-z') return status(second === undefined || second === '');
    if (second === '=' || second === '==') return status(first === (third ?? ''));
    if (second === '!=') return status(first !== (third ?? ''));
    return status(first !== '' && second === undefined);
  }

  /** `configfile` begins a menu of its own; `source` goes on in this one. */
  *#include(ownMenu: boolean, name: string, depth: number): LoaderSteps<CommandEnd> {
    const request = this.#open('configuration', name, false);
    const answer = yield request;
    if (answer.kind !== 'served') return this.#fail(stuckWithout(request, answer, 'GRUB goes on without it'));
    if (!ownMenu) return yield* this.#runText(contentText(answer), depth + 1);
    this.#entries = [];
    const end = yield* this.#runText(contentText(answer), depth + 1);
    if (end.kind === 'verdict') return end;
    return verdict(yield* this.#startDefaultEntry());
  }

  *#linux(words: readonly string[]): LoaderSteps<CommandEnd> {
    const [name = '', ...parameters] = words;
    const request = this.#open('kernel', name, false);
    const answer = yield request;
    if (answer.kind !== 'served')
      return this.#fail(stuckWithout(request, answer, 'GRUB has no kernel to start'));
    this.#kernel = { name: requestName(request), parameters: parameters.join(' ') };
    this.#ramdisks = [];
    this.#missingRamdisk = undefined;
    return OK;
  }

  *#initrd(words: readonly string[]): LoaderSteps<CommandEnd> {
    if (this.#kernel === undefined) return NOT_OK;
    for (const name of words) {
      const request = this.#open('ramdisk', name, false);
      const answer = yield request;
      if (answer.kind !== 'served') {
        this.#missingRamdisk = stuckWithout(request, answer, 'the kernel would start without its ramdisk');
        return this.#fail(this.#missingRamdisk);
      }
      this.#ramdisks.push(requestName(request));
    }
    return OK;
  }

  *#chainload(words: readonly string[]): LoaderSteps<CommandEnd> {
    const name = words.at(-1) ?? '';
    if (this.#isOnDisk(name)) return verdict({ kind: 'local-disk' });
    const request = this.#open('loader', name, false);
    const answer = yield request;
    if (answer.kind !== 'served')
      return this.#fail(stuckWithout(request, answer, 'GRUB has nothing to hand over to'));
    return verdict({ kind: 'not-followed', reason: `GRUB hands over to ${requestName(request)}` });
  }

  #boot(): CommandEnd {
    if (this.#kernel === undefined) return NOT_OK;
    if (this.#missingRamdisk !== undefined) return verdict(this.#missingRamdisk);
    const { name, parameters } = this.#kernel;
    return verdict({ kind: 'kernel', kernel: name, ramdisks: this.#ramdisks, parameters });
  }

  #fail(stuck: BootVerdict): CommandEnd {
    if (stuck.kind === 'stuck') this.#lastProblem = stuck.reason;
    return NOT_OK;
  }

  #isOnDisk(name: string): boolean {
    return name.startsWith('(') ? /^\((?:hd|cd|md|lvm)/.test(name) : this.#rootIsDisk || name.startsWith('+');
  }

  #expandAll(words: readonly GrubWord[]): readonly string[] {
    return words.flatMap((word) => {
      const text = word.parts
        .map((part) => (part.kind === 'text' ? part.text : (this.#variables.get(part.name) ?? '')))
        .join('');
      return text === '' && !word.quoted ? [] : [text];
    });
  }
}

function verdict(value: BootVerdict): CommandEnd {
  return { kind: 'verdict', verdict: value };
}

function status(ok: boolean): CommandEnd {
  return ok ? OK : NOT_OK;
}

function negated(end: CommandEnd): CommandEnd {
  return end.kind === 'verdict' ? end : status(!end.ok);
}
