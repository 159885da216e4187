import type { RangePermit } from '../dhcp/dhcp-settings.ts';
import { itemsOf, type Located } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import type { ProblemList } from './problem-list.ts';

/** What `allow` and `deny` of a range may say besides names of classes. */
export const PERMIT_WORDS = ['known-machines', 'unknown-machines', 'bootp'] as const;

/** The classes that a range may name. */
export interface ClassNames {
  readonly names: ReadonlySet<string>;
  /** False when a class could not be read: then an unknown name is no news. */
  readonly areComplete: boolean;
}

/** dhcpd's permits, and what they are called here. */
const WORDS_OF_DHCPD: Readonly<Record<string, string>> = {
  'known-clients': 'known-machines',
  'known clients': 'known-machines',
  'unknown-clients': 'unknown-machines',
  'unknown clients': 'unknown-machines',
  'dynamic bootp clients': 'bootp',
  'all clients': 'known-machines, unknown-machines',
};

/** Reads the `allow` or `deny` list of a range. */
export function parsePermits(
  written: Located<readonly string[]> | undefined,
  classes: ClassNames,
  problems: ProblemList,
): readonly RangePermit[] {
  return itemsOf(written).flatMap((permit): readonly RangePermit[] => {
    const word = PERMIT_WORDS.find((candidate) => candidate === permit.value);
    if (word !== undefined) return [{ kind: word }];
    if (classes.names.has(permit.value)) return [{ kind: 'class', name: permit.value }];
    if (classes.areComplete) {
      const here = WORDS_OF_DHCPD[permit.value];
      const hint =
        here === undefined
          ? didYouMean(permit.value, [...classes.names, ...PERMIT_WORDS])
          : `; write ${here}`;
      problems.error(permit.place, `no class is called '${permit.value}'${hint}`);
    }
    return [];
  });
}
