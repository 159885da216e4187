import { printable } from '../wire/visible-text.ts';
import type { EreSpan } from './ere-groups.ts';
import type { MapRule } from './map-file.ts';
import { applyMapFile, type MapEvent, type MapRequest } from './map-rules.ts';
import { checkRequest, collapseLeadingSlashes, type RequestPolicy } from './request-policy.ts';
import type { TftpErrorCode, TftpRefusalReason } from './tftp-errors.ts';

/** One rule that had its turn, for programs. Names may hold any byte, as Latin-1. */
export interface RuleReport {
  /** As log lines number it, from 0. */
  readonly rule: number;
  /** Of the map-file, from 1. */
  readonly line: number;
  readonly operations: string;
  readonly pattern: string;
  readonly replacement: string;
  /** Skipped for its direction or address family, or whether it matched; a rule with `~` acts on `no-match`. */
  readonly outcome: 'wrong-direction' | 'wrong-family' | 'no-match' | 'match';
  /** What matched and its groups, in the last round; null for a group that took no part. */
  readonly groups: readonly (string | null)[];
  /** How often it acted in this turn; more than once only with `g`. */
  readonly rounds: number;
  readonly effects: readonly ('rewrite' | 'exit' | 'restart' | 'abort')[];
  /** The name afterwards. */
  readonly name: string;
}

/** How a request is rewritten and what it comes to, for programs. */
export interface MappingReport {
  readonly request: string;
  readonly direction: 'read' | 'write';
  readonly peer: string;
  readonly rules: readonly RuleReport[];
  /** Turns beyond those in `rules`: of rules that start again and again. */
  readonly turns_left_out: number;
  /** After mapping; null when a rule refused the request. */
  readonly mapped: string | null;
  /** Where it is looked for below the root; null when it is refused. */
  readonly path: string | null;
  readonly refusal: {
    readonly code: TftpErrorCode;
    readonly message: string;
    readonly reason: TftpRefusalReason;
  } | null;
  /** The name that is tried once more when there is no such file. */
  readonly retry: string | null;
}

/** The same for people and for programs. */
export interface MappingExplanation {
  readonly lines: readonly string[];
  readonly report: MappingReport;
}

/** What decides about a request besides the rules; `TftpSettings` is one. */
export interface ExplanationPolicy extends RequestPolicy {
  readonly collapseDoubledSlashes: boolean;
}

/** Enough for any map-file that comes to an end within reason. */
const TURNS_MAX = 200;

/** Bytes of a name in a line for people. */
const SHOWN_MAX = 255;

/** Shows rule by rule how a request is rewritten, and what the checks make of it. The disk is not looked at. */
export function explainMapping(
  rules: readonly MapRule[],
  request: MapRequest,
  policy: ExplanationPolicy,
): MappingExplanation {
  const turns = new TurnCollector(request.name);
  const result = applyMapFile(rules, request, (event) => turns.add(event));
  const outcome = result.kind === 'path' ? checkRequest(result.name, policy) : result;
  const collapsed = policy.collapseDoubledSlashes ? collapseLeadingSlashes(request.name) : undefined;
  const report: MappingReport = {
    request: request.name,
    direction: request.direction,
    peer: request.peer.text,
    rules: turns.reports,
    turns_left_out: turns.leftOut,
    mapped: result.kind === 'path' ? result.name : null,
    path: outcome.kind === 'allowed' ? outcome.relativePath : null,
    refusal:
      outcome.kind === 'refused'
        ? { code: outcome.code, message: outcome.message, reason: outcome.reason }
        : null,
    retry: outcome.kind === 'allowed' ? (collapsed ?? null) : null,
  };
  const warning = result.kind === 'refused' ? result.warning : undefined;
  return { lines: describeReport(report, warning), report };
}

/** Puts together what happened during the turn of each rule. */
class TurnCollector {
  readonly reports: RuleReport[] = [];
  leftOut = 0;
  #name: string;
  #isTurnOver = true;

  constructor(name: string) {
    this.#name = name;
  }

  add(event: MapEvent): void {
    switch (event.kind) {
      case 'skipped':
        this.#begin(event.rule, event.because === 'direction' ? 'wrong-direction' : 'wrong-family');
        break;
      case 'tried':
        this.#try(event.rule, event.spans, event.name);
        break;
      case 'rewrite':
      case 'exit':
      case 'restart':
      case 'abort':
        this.#name = event.name;
        this.#isTurnOver = event.kind !== 'rewrite';
        this.#change(({ effects }) => ({
          name: event.name,
          effects: effects.includes(event.kind) ? effects : [...effects, event.kind],
        }));
        break;
      case 'input':
      case 'done':
      case 'loop':
        break;
      default:
        event satisfies never;
    }
  }

  #try(rule: MapRule, spans: readonly EreSpan[] | undefined, name: string): void {
    const acts = (spans !== undefined) !== rule.isInverted;
    const isFurtherRound = !this.#isTurnOver && rule.isGlobal && this.reports.at(-1)?.rule === rule.number;
    if (isFurtherRound && !acts) return; // its last round, in which nothing is left to match
    if (!isFurtherRound) this.#begin(rule, spans === undefined ? 'no-match' : 'match');
    this.#isTurnOver = false;
    const groups = (spans ?? []).map(({ start, end }) => (start < 0 ? null : name.slice(start, end)));
    this.#change(({ rounds }) => ({ groups, rounds: acts ? rounds + 1 : rounds }));
  }

  #begin(rule: MapRule, outcome: RuleReport['outcome']): void {
    const { number, line, operations, pattern, replacement } = rule;
    const facts = { rule: number, line, operations, pattern, replacement };
    if (this.reports.length >= TURNS_MAX) {
      this.leftOut++;
      this.reports.pop(); // the last turn of all is the one worth seeing
    }
    this.reports.push({ ...facts, outcome, groups: [], rounds: 0, effects: [], name: this.#name });
  }

  #change(changes: (last: RuleReport) => Partial<RuleReport>): void {
    const last = this.reports.pop();
    if (last !== undefined) this.reports.push({ ...last, ...changes(last) });
  }
}

const OUTCOME_WORDS: Readonly<Record<RuleReport['outcome'], string>> = {
  'wrong-direction': 'skipped: not for this direction',
  'wrong-family': 'skipped: not for this address family',
  'no-match': 'no match',
  match: 'match',
};

const EFFECT_WORDS = {
  exit: 'exit: the name is final',
  restart: 'restart: on with the second rule',
  abort: 'abort: the request is refused',
} as const;

function describeReport(report: MappingReport, warning: string | undefined): readonly string[] {
  const { request, direction, peer, mapped, path, refusal, retry } = report;
  const lines = [`${direction === 'read' ? 'RRQ' : 'WRQ'} from ${peer}: ${quote(request)}`];
  const texts = report.rules.map((rule) =>
    `${rule.operations} ${rule.pattern} ${rule.replacement}`.trimEnd(),
  );
  const width = Math.min(Math.max(0, ...texts.map((text) => text.length)), 60);
  for (const [turn, rule] of report.rules.entries()) {
    if (turn === TURNS_MAX - 1 && report.turns_left_out > 0)
      lines.push(`  ... ${report.turns_left_out} turns`);
    const text = printable(texts[turn] ?? '').padEnd(width);
    lines.push(`  rule ${rule.rule}, line ${rule.line}: ${text}  ${describeOutcome(rule)}`);
    for (const effect of rule.effects) {
      lines.push(`      ${effect === 'rewrite' ? describeRewrite(rule) : EFFECT_WORDS[effect]}`);
    }
  }
  if (warning !== undefined) lines.push(warning);
  if (mapped !== null && mapped !== request) lines.push(`mapped to ${quote(mapped)}`);
  if (refusal !== null) lines.push(`refused: error ${refusal.code}, ${quote(refusal.message)}`);
  if (path !== null) lines.push(`looked for below the root: ${quote(path)}`);
  if (retry !== null) lines.push(`tried once more, if there is no such file, as ${quote(retry)}`);
  return lines;
}

function describeOutcome({ outcome, groups }: RuleReport): string {
  const [whole, ...inner] = groups;
  if (whole === undefined || whole === null) return OUTCOME_WORDS[outcome];
  const values = inner.map((value, index) => `\\${index + 1} = ${value === null ? 'nothing' : quote(value)}`);
  return [`matches ${quote(whole)}`, ...values].join(', ');
}

function describeRewrite({ rounds, name }: RuleReport): string {
  return `rewrite${rounds > 1 ? `, ${rounds} times` : ''}: ${quote(name)}`;
}

function quote(text: string): string {
  const shown = printable(text.slice(0, SHOWN_MAX));
  return text.length > SHOWN_MAX ? `"${shown}"... (${text.length} bytes)` : `"${shown}"`;
}
