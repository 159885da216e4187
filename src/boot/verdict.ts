import { DIAGNOSES, type DiagnosisCode, type DiagnosisEntry, type DiagnosisValues } from './diagnoses.ts';

/** A diagnosis that holds for a boot, in words. */
export interface Finding {
  readonly code: DiagnosisCode;
  readonly sentence: string;
  readonly cause: string;
  readonly remedy: string;
}

/** How a boot stands: it goes on, it stopped, or it is through. */
export type BootState = 'under-way' | 'stuck' | 'done';

/** What is to be said about a boot. */
export interface Verdict {
  readonly state: BootState;
  readonly finding: Finding;
  /** What else is worth knowing, most important first. */
  readonly notices: readonly Finding[];
}

/** Puts the values into the texts of a diagnosis. */
export function makeFinding<Code extends DiagnosisCode>(code: Code, values: DiagnosisValues<Code>): Finding {
  const { sentence, cause, remedy }: DiagnosisEntry = DIAGNOSES[code];
  return {
    code,
    sentence: fill(sentence, values),
    cause: fill(cause, values),
    remedy: fill(remedy, values),
  };
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{([a-z]+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
