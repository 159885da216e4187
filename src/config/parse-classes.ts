import type { ClassSettings } from '../dhcp/dhcp-settings.ts';
import { itemsOf, type Located, type Place } from './located.ts';
import { noteName } from './parse-networks.ts';
import type { DhcpContext, LeaseTimes } from './parse-scope.ts';
import type { RawDhcp } from './raw-dhcp.ts';

/** The classes, and all names that were given, also those of classes whose expression is wrong. */
export interface ParsedClasses {
  readonly settings: readonly ClassSettings[];
  readonly names: ReadonlySet<string>;
}

/** Reads `classes`. */
export function parseClasses(
  dhcp: Located<RawDhcp>,
  _outer: LeaseTimes,
  context: DhcpContext,
): ParsedClasses {
  const names = new Map<string, Place>();
  for (const written of itemsOf(dhcp.value.classes)) {
    noteName(names, written.value.name, 'class', context);
  }
  return { settings: [], names: new Set(names.keys()) };
}
