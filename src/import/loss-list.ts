import { formatPlace, type SourcePlace } from './source-place.ts';

/**
 * Something that an imported text says and the result does not. Essential: a machine may be told something else than before, or
 * something outside depended on it. Otherwise the statement is without effect here, or says what bootd does anyway.
 */
export interface Loss {
  readonly place: SourcePlace;
  readonly essential: boolean;
  /** The statement, or the part of it, as it is written. */
  readonly subject: string;
  readonly reason: string;
}

/** `file:line:column: left out: SUBJECT: REASON`, or `note` where nothing is lost. */
export function formatLoss({ place, essential, subject, reason }: Loss): string {
  return `${formatPlace(place)}: ${essential ? 'left out' : 'note'}: ${subject}: ${reason}`;
}

/** Collects what is lost while a text is imported. */
export class LossList {
  readonly #losses: Loss[] = [];

  /** A machine may be told something else than before. */
  lose(place: SourcePlace, subject: string, reason: string): void {
    this.#losses.push({ place, essential: true, subject, reason });
  }

  /** Nothing is lost, but it is not in the result either. */
  note(place: SourcePlace, subject: string, reason: string): void {
    this.#losses.push({ place, essential: false, subject, reason });
  }

  /** In the order of the text; files in the order in which they were first mentioned. */
  sorted(): readonly Loss[] {
    const files = [...new Set(this.#losses.map(({ place }) => place.file))];
    const order = (a: Loss, b: Loss): number =>
      files.indexOf(a.place.file) - files.indexOf(b.place.file) ||
      a.place.line - b.place.line ||
      a.place.column - b.place.column;
    // What stands where `switch` falls through is read once for each label.
    const distinct = new Map(this.#losses.map((loss) => [formatLoss(loss), loss]));
    return [...distinct.values()].sort(order);
  }
}
