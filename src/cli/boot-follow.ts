import type { BootSelection } from './boot.ts';
import { formatStep } from './boot-text.ts';
import type { CommandContext } from './command-context.ts';
import { ControlUnreachableError, type ControlClient } from './control-client.ts';
import { controlClient } from './control-options.ts';
import { numberOf, recordOf, textOf } from './document.ts';
import { EventParser } from './event-parser.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { parseMac } from '../addr/mac.ts';
import { printable } from '../wire/visible-text.ts';
import { formatJsonLine } from './json-text.ts';
import { requireNode } from './node-resolution.ts';

/** A daemon that is restarted is back after this. */
const COME_BACK_MS = 2000;

/** Tells of each step and each verdict as it happens, until a signal ends it. */
export async function followBoots(options: BootSelection, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const mac = options.mac === undefined ? undefined : parseMac(options.mac);
  if (options.mac !== undefined && mac === undefined) throw new UsageError(`"${options.mac}" is no MAC`);
  const node = options.node === undefined ? undefined : await requireNode(client, options.node);
  const teller = new BootTeller(options.json === true, context);
  const end = new AbortController();
  void context.untilStopSignal().then(() => end.abort());
  const parser = new EventParser((type, data) => {
    if (type !== 'boot') return;
    const boot = recordOf(data);
    if (mac !== undefined && boot['mac'] !== mac) return;
    if (node !== undefined && boot['node'] !== node) return;
    teller.tell(boot, data);
  });
  await followStream(client, parser, end.signal, context);
  context.finish(EXIT_CODE.done);
}

/** Passes boots on as they change, and comes back when the stream ends; only the first connection must succeed. */
export async function followStream(
  client: ControlClient,
  parser: EventParser,
  signal: AbortSignal,
  { terminal }: CommandContext,
): Promise<void> {
  let wasThere = false;
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    try {
      await client.stream('/v1/events?types=boot', parser.lastId, (text) => parser.receive(text), signal);
      wasThere = true;
      if (!isOver()) terminal.writeError('The stream has ended; trying again.');
    } catch (error) {
      if (!wasThere || !(error instanceof ControlUnreachableError)) throw error;
    }
    if (!isOver()) await pause(COME_BACK_MS, signal);
  }
}

/** Prints what is new in each event of a boot. */
export class BootTeller {
  readonly #json: boolean;
  readonly #context: CommandContext;
  /** The last verdict that was printed of each boot. */
  readonly #told = new Map<string, string>();

  constructor(json: boolean, context: CommandContext) {
    this.#json = json;
    this.#context = context;
  }

  tell(boot: Readonly<Record<string, unknown>>, data: unknown): void {
    const { terminal } = this.#context;
    if (this.#json) {
      terminal.writeLine(formatJsonLine(data));
      return;
    }
    const id = textOf(boot['id']) ?? '';
    const mac = textOf(boot['mac']) ?? '';
    const state = textOf(boot['state']) ?? '';
    const verdict = textOf(recordOf(boot['verdict'])['sentence']) ?? '';
    const said = `${state} ${verdict}`;
    const isNews = state !== 'under-way' && this.#told.get(id) !== said;
    this.#remember(id, said);
    if (isNews) {
      terminal.writeLine(printable(`${mac}  ${state.toUpperCase()}: ${verdict}`));
    } else if (state === 'under-way' && isWorthALine(recordOf(boot['step']))) {
      const started = Date.parse(textOf(boot['started_at']) ?? '');
      terminal.writeLine(`${printable(mac)}  ${formatStep(recordOf(boot['step']), started)}`);
    }
  }

  #remember(id: string, said: string): void {
    this.#told.delete(id);
    this.#told.set(id, said);
    const [oldest] = this.#told.keys();
    if (this.#told.size > BOOTS_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
  }
}

const BOOTS_REMEMBERED = 1000;

/** The start of a transfer is told where its end takes a while to come. */
const LARGE_OCTETS = 1024 * 1024;

function isWorthALine(step: Readonly<Record<string, unknown>>): boolean {
  if (step['kind'] === undefined) return false;
  return step['ending'] !== null || (numberOf(step['size']) ?? LARGE_OCTETS) >= LARGE_OCTETS;
}

/** Resolves after the time, or at the signal if that comes before. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener('abort', end);
  });
}
