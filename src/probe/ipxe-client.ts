import { formatIpv4, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import {
  contentText,
  folderOf,
  requestName,
  stuckWithout,
  tftpOptions,
  type BootVerdict,
  type FileAnswer,
  type FilePurpose,
  type FileRequest,
  type LoaderFacts,
  type LoaderSteps,
} from './file-request.ts';
import {
  expandIpxeVariables,
  isIpxeScript,
  parseIpxeScript,
  type IpxeCommand,
  type IpxeLine,
} from './ipxe-script.ts';

const OPTIONS = tftpOptions('blksize=1432 tsize=0');
const MOST_COMMANDS = 10_000;
const DEEPEST_CHAIN = 16;

/** Scripts try again without end; a file that was refused this often will not come. */
const MOST_REFUSALS = 3;

/** Where something lies. The path of a TFTP location begins with the slash that iPXE does not send. */
type IpxeLocation =
  | { readonly kind: 'tftp'; readonly server: Ipv4; readonly path: string }
  | { readonly kind: 'http'; readonly url: string };

/** How a command or a script ended. */
type CommandEnd =
  | { readonly kind: 'status'; readonly ok: boolean }
  | { readonly kind: 'goto'; readonly label: string }
  | { readonly kind: 'verdict'; readonly verdict: BootVerdict };

const OK: CommandEnd = { kind: 'status', ok: true };
const NOT_OK: CommandEnd = { kind: 'status', ok: false };

/** The location of the boot file of a lease: a URL, or a name that is sent exactly as it stands in the answer. */
export function ipxeBootLocation(facts: LoaderFacts): IpxeLocation {
  const { bootFile, nextServer } = facts.lease;
  const base: IpxeLocation = { kind: 'tftp', server: nextServer, path: '/' };
  return /^[a-z]+:\/\//i.test(bootFile)
    ? resolveLocation(base, bootFile)
    : { kind: 'tftp', server: nextServer, path: `/${bootFile}` };
}

/** The request of iPXE for what lies there; one request a file, tsize and all. */
export function ipxeRequest(purpose: FilePurpose, location: IpxeLocation): FileRequest {
  if (location.kind === 'http') {
    return { purpose, source: { kind: 'http', method: 'GET', url: location.url }, optional: false };
  }
  const request = { name: location.path.slice(1), options: OPTIONS };
  return { purpose, source: { kind: 'tftp', server: location.server, request }, optional: false };
}

/** Runs a script of iPXE as far as it decides what is loaded. */
export function* runIpxeScript(
  facts: LoaderFacts,
  text: string,
  from: IpxeLocation,
): LoaderSteps<BootVerdict> {
  const machine = new IpxeMachine(facts);
  const end = yield* machine.runScript(text, from, 0);
  if (end.kind === 'verdict') return end.verdict;
  return { kind: 'stuck', reason: machine.problem ?? 'the script of iPXE ends without starting anything' };
}

class IpxeMachine {
  readonly #settings: Map<string, string>;
  #kernel: { readonly name: string; readonly parameters: string } | undefined;
  #ramdisks: string[] = [];
  readonly #refusals = new Map<string, number>();
  #commands = 0;
  #problem: string | undefined;

  constructor(facts: LoaderFacts) {
    this.#settings = new Map(settingsOf(facts));
  }

  /** Why the last file could not be had. */
  get problem(): string | undefined {
    return this.#problem;
  }

  *runScript(text: string, from: IpxeLocation, depth: number): LoaderSteps<CommandEnd> {
    const lines = parseIpxeScript(text);
    let at = 0;
    while (at < lines.length) {
      const line = lines[at];
      at += 1;
      if (line?.kind !== 'commands') continue;
      const end = yield* this.#runLine(line.commands, from, depth);
      if (end.kind === 'verdict') return end;
      if (end.kind === 'goto') {
        const label = labelAt(lines, end.label);
        if (label === undefined) return stuck(`the script of iPXE has no label ${end.label}`);
        at = label;
      } else if (!end.ok && !line.mayFail) {
        // A line that fails without `||` ends the script (iPXE, "Scripting").
        return end;
      }
    }
    return OK;
  }

  *#runLine(commands: readonly IpxeCommand[], from: IpxeLocation, depth: number): LoaderSteps<CommandEnd> {
    let last = OK;
    for (const { when, words } of commands) {
      const lastWorked = last.kind === 'status' && last.ok;
      if ((when === 'on-failure' && lastWorked) || (when === 'on-success' && !lastWorked)) continue;
      this.#commands += 1;
      if (this.#commands > MOST_COMMANDS) return stuck('the script of iPXE runs in a loop');
      const expanded = words
        .map((word) => expandIpxeVariables(word, (name) => this.#settings.get(name) ?? ''))
        .filter((word) => word !== '');
      last = yield* this.#runCommand(expanded, from, depth);
      if (last.kind !== 'status') return last;
    }
    return last;
  }

  *#runCommand(words: readonly string[], from: IpxeLocation, depth: number): LoaderSteps<CommandEnd> {
    const [command = '', ...rest] = words;
    const plain = withoutFlags(rest);
    switch (command) {
      case 'goto':
        return { kind: 'goto', label: plain[0] ?? '' };
      case 'set':
        this.#settings.set(settingName(plain[0] ?? ''), plain.slice(1).join(' '));
        return OK;
      case 'clear':
        this.#settings.delete(settingName(plain[0] ?? ''));
        return OK;
      case 'inc':
        return this.#increase(settingName(plain[0] ?? ''), Number(plain[1] ?? 1));
      case 'isset':
        return status(plain.length > 0);
      case 'iseq':
        return status(plain[0] === plain[1]);
      case 'kernel':
        return yield* this.#loadKernel(plain, from);
      case 'initrd':
      case 'module':
      case 'imgfetch':
        return yield* this.#loadRamdisk(plain, from);
      case 'imgargs':
        if (this.#kernel !== undefined)
          this.#kernel = { ...this.#kernel, parameters: plain.slice(1).join(' ') };
        return OK;
      case 'imgfree':
        this.#kernel = undefined;
        this.#ramdisks = [];
        return OK;
      case 'chain':
      case 'imgexec':
        return yield* this.#chain(plain, from, depth);
      case 'boot':
        return plain.length > 0 ? yield* this.#chain(plain, from, depth) : this.#boot();
      case 'exit':
      case 'sanboot':
        return { kind: 'verdict', verdict: { kind: 'local-disk' } };
      case 'shell':
      case 'reboot':
      case 'poweroff':
        return {
          kind: 'verdict',
          verdict: { kind: 'not-followed', reason: `the script of iPXE says ${command}` },
        };
      case 'choose':
        return this.#choose(rest);
      default:
        return OK;
    }
  }

  #increase(name: string, by: number): CommandEnd {
    this.#settings.set(name, String(Number(this.#settings.get(name) ?? 0) + by));
    return OK;
  }

  /** Nobody is at the keyboard: the default of a menu is taken when its time is up. */
  #choose(words: readonly string[]): CommandEnd {
    const at = words.findIndex((word) => word === '--default' || word === '-d');
    const name = words.at(-1);
    if (at < 0 || name === undefined) return stuck('a menu of iPXE has no default, and waits for a key');
    this.#settings.set(name, words[at + 1] ?? '');
    return OK;
  }

  *#loadKernel(words: readonly string[], from: IpxeLocation): LoaderSteps<CommandEnd> {
    const [name = '', ...parameters] = words;
    const request = ipxeRequest('kernel', resolveLocation(from, name));
    const answer = yield request;
    if (answer.kind !== 'served') return this.#fail(request, answer, 'iPXE has no kernel to start');
    const kept = parameters.filter((word) => !word.startsWith('initrd='));
    this.#kernel = { name, parameters: kept.join(' ') };
    return OK;
  }

  *#loadRamdisk(words: readonly string[], from: IpxeLocation): LoaderSteps<CommandEnd> {
    const [name = ''] = words;
    const request = ipxeRequest('ramdisk', resolveLocation(from, name));
    const answer = yield request;
    if (answer.kind !== 'served') return this.#fail(request, answer, 'iPXE has no ramdisk for its kernel');
    this.#ramdisks.push(name);
    return OK;
  }

  /** Another script takes over; any other program is started, and what it does is its own affair. */
  *#chain(words: readonly string[], from: IpxeLocation, depth: number): LoaderSteps<CommandEnd> {
    const [name = ''] = words;
    if (depth >= DEEPEST_CHAIN) return stuck('the scripts of iPXE chain to each other without end');
    const location = resolveLocation(from, name);
    const request = ipxeRequest('configuration', location);
    const answer = yield request;
    if (answer.kind !== 'served') return this.#fail(request, answer, 'iPXE cannot go on there');
    const text = contentText(answer);
    if (isIpxeScript(text)) return yield* this.runScript(text, location, depth + 1);
    return { kind: 'verdict', verdict: { kind: 'not-followed', reason: `iPXE hands over to ${name}` } };
  }

  #boot(): CommandEnd {
    if (this.#kernel === undefined) return NOT_OK;
    const { name, parameters } = this.#kernel;
    return {
      kind: 'verdict',
      verdict: { kind: 'kernel', kernel: name, ramdisks: this.#ramdisks, parameters },
    };
  }

  #fail(request: FileRequest, answer: FileAnswer, consequence: string): CommandEnd {
    const verdict = stuckWithout(request, answer, consequence);
    if (verdict.kind === 'stuck') this.#problem = verdict.reason;
    const name = requestName(request);
    const refusals = (this.#refusals.get(name) ?? 0) + 1;
    this.#refusals.set(name, refusals);
    return refusals < MOST_REFUSALS ? NOT_OK : { kind: 'verdict', verdict };
  }
}

/** A name relative to where the script came from, with a slash from the root of the same server, or a URL of its own. */
function resolveLocation(from: IpxeLocation, name: string): IpxeLocation {
  if (/^https?:\/\//i.test(name)) return { kind: 'http', url: name };
  const tftp = /^tftp:\/\/([^/]+)(\/.*)$/i.exec(name);
  if (tftp !== null) {
    const server = parseIpv4(tftp[1] ?? '') ?? (from.kind === 'tftp' ? from.server : undefined);
    return server === undefined
      ? { kind: 'http', url: name }
      : { kind: 'tftp', server, path: tftp[2] ?? '/' };
  }
  if (from.kind === 'http') return { kind: 'http', url: new URL(name, from.url).href };
  const path = name.startsWith('/') ? name : folderOf(from.path) + name;
  return { kind: 'tftp', server: from.server, path };
}

function settingsOf(facts: LoaderFacts): ReadonlyMap<string, string> {
  const { machine, lease, firmware } = facts;
  const address = formatIpv4(lease.address);
  const efi = firmware !== 'ipxe' && firmware !== 'bios';
  return new Map([
    ['mac', machine.mac],
    ['net0/mac', machine.mac],
    ['ip', address],
    ['net0/ip', address],
    ['next-server', formatIpv4(lease.nextServer)],
    ['filename', lease.bootFile],
    ['platform', efi ? 'efi' : 'pcbios'],
    ['buildarch', efi ? 'x86_64' : 'i386'],
  ]);
}

/** `netid:int32` is the setting `netid`. */
function settingName(word: string): string {
  return word.split(':')[0] ?? word;
}

/** Flags of the commands above take no value, except `--name` and `--timeout`. */
function withoutFlags(words: readonly string[]): readonly string[] {
  const plain: string[] = [];
  let skip = false;
  for (const [at, word] of words.entries()) {
    if (skip) skip = false;
    else if (plain.length > 0 || !word.startsWith('-') || /^-\d/.test(word)) plain.push(word);
    else skip = ['--name', '-n', '--timeout', '-t'].includes(word) && at + 1 < words.length;
  }
  return plain;
}

function labelAt(lines: readonly IpxeLine[], name: string): number | undefined {
  const at = lines.findIndex((line) => line.kind === 'label' && line.name === name);
  return at < 0 ? undefined : at;
}

function status(ok: boolean): CommandEnd {
  return ok ? OK : NOT_OK;
}

function stuck(reason: string): CommandEnd {
  return { kind: 'verdict', verdict: { kind: 'stuck', reason } };
}
