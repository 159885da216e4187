import { printable } from '../wire/visible-text.ts';
import { EreBudget } from './ere-budget.ts';
import type { EreSpan } from './ere-groups.ts';
import type { MapRule } from './map-file.ts';
import { replaceMatch, type MapPeer } from './map-replacement.ts';
import { TFTP_ERRORS, type TftpErrorCode } from './tftp-errors.ts';

/** What rules are applied to. */
export interface MapRequest {
  /** The name as it was asked for, Latin-1. */
  readonly name: string;
  /** RRQ or WRQ. */
  readonly direction: 'read' | 'write';
  readonly peer: MapPeer;
}

/** What happened, in order; `name` is the name afterwards. Without rules there are no steps. */
export type MapStep =
  | { readonly kind: 'input' | 'done'; readonly name: string }
  | { readonly kind: 'rewrite' | 'exit' | 'abort'; readonly rule: number; readonly name: string }
  /** `rule` is the first rule, as in.tftpd logs it, not the one that says so. */
  | { readonly kind: 'restart'; readonly rule: number; readonly name: string }
  | { readonly kind: 'loop'; readonly input: string; readonly name: string };

/** What became of a name. */
export type MapResult =
  | { readonly kind: 'path'; readonly name: string; readonly steps: readonly MapStep[] }
  | {
      readonly kind: 'refused';
      readonly code: TftpErrorCode;
      readonly message: string;
      readonly reason: 'map-rule' | 'map-limit';
      readonly steps: readonly MapStep[];
      /** To be logged whatever the level: the map-file does not come to an end. */
      readonly warning: string | undefined;
    };

/** All that can be told while rules are applied: the steps, and which rules did nothing. */
export type MapEvent =
  | MapStep
  | { readonly kind: 'skipped'; readonly rule: MapRule; readonly because: 'direction' | 'family' }
  | {
      readonly kind: 'tried';
      readonly rule: MapRule;
      readonly name: string;
      /** Of the match; undefined when nothing matched. */
      readonly spans: readonly EreSpan[] | undefined;
    };

/** in.tftpd's DEADMAN_MAX_STEPS. Here further rounds of a rule with `g` count as well; there they may go on for ever. */
const STEP_LIMIT = 1024;

/** Work of all matches of a request, in visits of nodes: some tens of milliseconds, a few hundred for a pattern of 65,000 nodes. */
const MATCH_STEP_LIMIT = 5_000_000;

/** Four times what open(2) takes, so that a rule that makes names longer ends in time. */
const NAME_LENGTH_MAX = 16_384;

/** Of a name in the warning that is logged at every level. */
const LOGGED_NAME_MAX = 255;

/**
 * Applies the rules as tftpd-hpa 5.2+20150808 does, with its quirks: `s` goes on at the second rule, the 1025th trial
 * fails. Where that hangs or crashes, this refuses: a rule with `g` that never stops matching, and `a~` with a text,
 * which here is sent as it is. Takes a bounded time, whatever rules and name are.
 */
export function applyMapFile(
  rules: readonly MapRule[],
  request: MapRequest,
  observe?: (event: MapEvent) => void,
): MapResult {
  if (rules.length === 0) return { kind: 'path', name: request.name, steps: [] };
  return new MapRun(rules, request, observe).run();
}

class MapRun {
  readonly #rules: readonly MapRule[];
  readonly #request: MapRequest;
  readonly #observe: ((event: MapEvent) => void) | undefined;
  readonly #steps: MapStep[] = [];
  readonly #budget = new EreBudget(MATCH_STEP_LIMIT);
  #remaining = STEP_LIMIT;
  #name: string;

  constructor(
    rules: readonly MapRule[],
    request: MapRequest,
    observe: ((event: MapEvent) => void) | undefined,
  ) {
    this.#rules = rules;
    this.#request = request;
    this.#observe = observe;
    this.#name = request.name;
  }

  run(): MapResult {
    this.#record({ kind: 'input', name: this.#name });
    for (let index = 0; ; index++) {
      const rule = this.#rules[index];
      if (rule === undefined) break;
      if (!this.#isFor(rule)) continue;
      if (this.#remaining-- === 0) return this.#refuseLoop();
      const outcome = this.#applyRule(rule);
      if (outcome === 'unmatched') continue;
      if (outcome !== 'matched') return outcome;
      if (rule.exits) {
        this.#record({ kind: 'exit', rule: rule.number, name: this.#name });
        return this.#path();
      }
      if (rule.restarts) {
        index = 0; // and then the loop goes on: the first rule has its turn only once
        this.#record({ kind: 'restart', rule: this.#rules[0]?.number ?? 0, name: this.#name });
      }
    }
    this.#record({ kind: 'done', name: this.#name });
    return this.#path();
  }

  #isFor(rule: MapRule): boolean {
    const { direction, peer } = this.#request;
    if (rule.direction !== undefined && rule.direction !== direction) {
      this.#observe?.({ kind: 'skipped', rule, because: 'direction' });
      return false;
    }
    if (rule.families.some((family) => family !== peer.family)) {
      this.#observe?.({ kind: 'skipped', rule, because: 'family' });
      return false;
    }
    return true;
  }

  #applyRule(rule: MapRule): 'matched' | 'unmatched' | MapResult {
    for (let rounds = 0; ; rounds++) {
      const outcome = rule.regex.match(this.#name, this.#budget);
      if (outcome.kind === 'out-of-steps') return this.#refuseLoop();
      const spans = outcome.kind === 'match' ? outcome.spans : undefined;
      this.#observe?.({ kind: 'tried', rule, name: this.#name, spans });
      if ((spans !== undefined) === rule.isInverted) return rounds === 0 ? 'unmatched' : 'matched';
      if (rounds > 0 && this.#remaining-- === 0) return this.#refuseLoop();
      if (rule.aborts) return this.#abort(rule, spans ?? []);
      if (rule.rewrites && spans !== undefined) {
        const name = replaceMatch(this.#name, spans, rule.replacementParts, this.#request.peer);
        if (name.length > NAME_LENGTH_MAX) return this.#refuseLoop();
        this.#name = name;
        this.#record({ kind: 'rewrite', rule: rule.number, name: this.#name });
      }
      if (!rule.isGlobal) return 'matched';
    }
  }

  #abort(rule: MapRule, spans: readonly EreSpan[]): MapResult {
    this.#record({ kind: 'abort', rule: rule.number, name: this.#name });
    const { code, message } = TFTP_ERRORS['map-rule'];
    return {
      kind: 'refused',
      code,
      message:
        rule.replacement === ''
          ? message
          : replaceMatch(this.#name, spans, rule.replacementParts, this.#request.peer),
      reason: 'map-rule',
      steps: this.#steps,
      warning: undefined,
    };
  }

  #refuseLoop(): MapResult {
    const step: MapStep = { kind: 'loop', input: this.#request.name, name: this.#name };
    this.#record(step);
    return {
      kind: 'refused',
      ...TFTP_ERRORS['map-limit'],
      reason: 'map-limit',
      steps: this.#steps,
      warning: formatMapStep(step),
    };
  }

  #path(): MapResult {
    return { kind: 'path', name: this.#name, steps: this.#steps };
  }

  #record(step: MapStep): void {
    this.#steps.push(step);
    this.#observe?.(step);
  }
}

/** The step as in.tftpd logs it, with control bytes escaped: it would write them out. */
export function formatMapStep(step: MapStep): string {
  const name = printable(step.name);
  switch (step.kind) {
    case 'input':
      return `remap: input: ${name}`;
    case 'rewrite':
    case 'abort':
      return `remap: rule ${step.rule}: ${step.kind}: ${name}`;
    case 'exit':
    case 'restart':
      return `remap: rule ${step.rule}: ${step.kind}`;
    case 'done':
      return 'remap: done';
    case 'loop':
      return `remap: Breaking loop, input = ${shorten(step.input)}, last = ${shorten(step.name)}`;
    default:
      return step satisfies never;
  }
}

/** A name that has grown in a loop would fill the log. */
function shorten(name: string): string {
  const shown = printable(name.slice(0, LOGGED_NAME_MAX));
  return name.length > LOGGED_NAME_MAX ? `${shown}...` : shown;
}
