import type { Mac } from '../addr/mac.ts';
import type { BootTrace } from '../boot/boot-trace.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { Verdict } from '../boot/verdict.ts';

/** A boot, and what is to be said about it at the moment of the question. */
export interface BootView {
  readonly trace: BootTrace;
  readonly verdict: Verdict;
}

/** Which boots are asked for; every condition that is there must hold. */
export interface BootFilter {
  readonly mac?: Mac | undefined;
  readonly node?: NodeUuid | undefined;
}

/** The boots of machines, as the control API sees them. */
export interface BootQueries {
  /** Newest first. */
  list(filter: BootFilter): readonly BootView[];
  byId(id: string): BootView | undefined;
}
