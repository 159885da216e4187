import { formatIpv4Hex } from '../addr/ipv4.ts';
import { formatMacDashed } from '../addr/mac.ts';
import {
  contentText,
  folderOf,
  stuckWithout,
  tftpOptions,
  tftpRequest,
  type BootVerdict,
  type FileAnswer,
  type FilePurpose,
  type FileRequest,
  type LoaderFacts,
  type LoaderSteps,
} from './file-request.ts';
import {
  emptyPxelinuxConfig,
  pxelinuxTarget,
  readPxelinuxLine,
  type PxelinuxConfig,
  type PxelinuxKernel,
  type PxelinuxLabel,
  type PxelinuxModule,
} from './pxelinux-config.ts';

const OPTIONS = tftpOptions('tsize=0 blksize=1408');
const DEEPEST_INCLUDE = 16;
/** What chain.c32 is told when it shall leave for a disk. */
const DISK_ARGUMENT = /^(?:boot|mbr|hd\d|fd\d)/i;

/**
 * pxelinux 6.04 after the firmware has loaded it: its core module, its search for a configuration, and the kernel and
 * ramdisks of what that starts by itself.
 */
export function* runPxelinux(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const core = fileRequest(facts, 'loader', 'ldlinux.c32');
  const loaded = yield core;
  if (loaded.kind !== 'served')
    return stuckWithout(core, loaded, 'pxelinux cannot go on without its core module');

  const found = yield* findConfiguration(facts);
  if (found === undefined) {
    return { kind: 'stuck', reason: 'pxelinux finds no configuration, not even pxelinux.cfg/default' };
  }
  const config = emptyPxelinuxConfig();
  yield* readConfiguration(facts, config, contentText(found), 0);
  return yield* start(facts, config);
}

/** 01-MAC, then the address in hex with one digit less each time, then default; no UUID was ever asked for. */
function* findConfiguration(facts: LoaderFacts): LoaderSteps<FileAnswer | undefined> {
  const names = facts.lease.configFile === undefined ? searchNames(facts) : [facts.lease.configFile];
  for (const name of names) {
    const answer = yield fileRequest(facts, 'configuration', name, names.length > 1);
    if (answer.kind === 'served') return answer;
    // A lost server is asked for the next name all the same, and the one after it.
  }
  return undefined;
}

function searchNames({ machine, lease }: LoaderFacts): readonly string[] {
  const hex = formatIpv4Hex(lease.address);
  const prefixes = Array.from(hex, (_, at) => hex.slice(0, hex.length - at));
  const names = [`01-${formatMacDashed(machine.mac)}`, ...prefixes, 'default'];
  return names.map((name) => `pxelinux.cfg/${name}`);
}

function* readConfiguration(
  facts: LoaderFacts,
  config: PxelinuxConfig,
  text: string,
  depth: number,
): LoaderSteps<void> {
  for (const line of text.split('\n')) {
    const meaning = readPxelinuxLine(config, line);
    if (meaning === undefined || depth >= DEEPEST_INCLUDE) continue;
    const included = yield fileRequest(facts, 'configuration', meaning.name, true);
    if (included.kind === 'served') yield* readConfiguration(facts, config, contentText(included), depth + 1);
  }
}

/** What runs without anybody at the keyboard. */
function* start(facts: LoaderFacts, config: PxelinuxConfig): LoaderSteps<BootVerdict> {
  const first = config.ui ?? config.default;
  if (first === undefined || first === '') {
    return {
      kind: 'stuck',
      reason: 'the configuration of pxelinux names no default, so it waits at its prompt',
    };
  }
  const label = config.ui === undefined ? labelOf(config, first) : undefined;
  if (label !== undefined) return yield* startLabel(facts, config, label);
  const target = pxelinuxTarget(first);
  if (target.kind !== 'module') return yield* loadKernel(facts, target, [], config.globalAppend);
  return yield* startMenu(facts, config, target);
}

/** A menu module: its library, and then the label that it starts when its time is up. */
function* startMenu(
  facts: LoaderFacts,
  config: PxelinuxConfig,
  module: PxelinuxModule,
): LoaderSteps<BootVerdict> {
  const request = fileRequest(facts, 'loader', module.name);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'pxelinux waits at its prompt');
  yield fileRequest(facts, 'loader', 'libutil.c32', true);
  const wanted = config.onTimeout ?? config.default ?? '';
  const label =
    config.labels.find((candidate) => candidate.isMenuDefault) ?? labelOf(config, wanted) ?? config.labels[0];
  if (label === undefined) return { kind: 'stuck', reason: `the menu ${module.name} has nothing to start` };
  return yield* startLabel(facts, config, label);
}

function labelOf(config: PxelinuxConfig, command: string): PxelinuxLabel | undefined {
  const name = command.split(/\s+/)[0]?.toLowerCase();
  return config.labels.find((label) => label.name.toLowerCase() === name);
}

function* startLabel(
  facts: LoaderFacts,
  config: PxelinuxConfig,
  label: PxelinuxLabel,
): LoaderSteps<BootVerdict> {
  const target = label.target ?? { kind: 'kernel', name: label.name };
  switch (target.kind) {
    case 'local-disk':
      return { kind: 'local-disk' };
    case 'kernel':
      return yield* loadKernel(
        facts,
        target,
        label.ramdisks,
        label.append === '' ? config.globalAppend : label.append,
      );
    case 'module':
      return yield* runModule(facts, target, label);
    default:
      return target satisfies never;
  }
}

/** chain.c32 leaves for the disk; what any other module does then is its own affair. */
function* runModule(
  facts: LoaderFacts,
  module: PxelinuxModule,
  label: PxelinuxLabel,
): LoaderSteps<BootVerdict> {
  const request = fileRequest(facts, 'loader', module.name);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, `label ${label.name} cannot be started`);
  const isChain = /(?:^|\/)chain\.c32$/i.test(module.name);
  const words = [...module.words, ...label.append.split(' ')];
  if (isChain && words.some((word) => DISK_ARGUMENT.test(word))) return { kind: 'local-disk' };
  return { kind: 'not-followed', reason: `label ${label.name} runs ${module.name}` };
}

function* loadKernel(
  facts: LoaderFacts,
  target: PxelinuxKernel,
  ramdisks: readonly string[],
  parameters: string,
): LoaderSteps<BootVerdict> {
  const request = fileRequest(facts, 'kernel', target.name);
  const kernel = yield request;
  if (kernel.kind !== 'served') {
    return stuckWithout(request, kernel, 'pxelinux asks for the kernel again every second, without end');
  }
  for (const name of ramdisks) {
    const asked = fileRequest(facts, 'ramdisk', name);
    const answer = yield asked;
    if (answer.kind !== 'served')
      return stuckWithout(asked, answer, 'pxelinux does not start a kernel without its ramdisk');
  }
  return { kind: 'kernel', kernel: target.name, ramdisks, parameters };
}

/**
 * pxelinux puts its prefix (option 210, else the folder of the boot file) before every name, also before one that begins
 * with a slash: loaded as `/pxelinux.0` it asks for `//tftpboot/...`. `::` in front switches that off.
 */
function fileRequest(facts: LoaderFacts, purpose: FilePurpose, name: string, optional = false): FileRequest {
  if (/^https?:\/\//i.test(name))
    return { purpose, source: { kind: 'http', method: 'GET', url: name }, optional };
  const prefix = facts.lease.pathPrefix ?? folderOf(facts.lease.bootFile);
  const full = name.startsWith('::') ? name.slice(2) : prefix + name;
  return tftpRequest(facts, purpose, full, OPTIONS, { optional });
}
