import { parseSubnet, subnetContains, type Subnet } from '../addr/subnet.ts';
import type { BooleanExpression } from '../dhcp/class-expression.ts';
import { parseClassExpression } from '../dhcp/class-expression-parser.ts';
import type { ClassSettings } from '../dhcp/dhcp-settings.ts';
import { itemsOf, type Located, type Place } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import { parseNetwork, type ParsedNetworks } from './parse-networks.ts';
import { parseScope, type DhcpContext, type LeaseTimes } from './parse-scope.ts';
import { PERMIT_WORDS } from './parse-permits.ts';
import type { RawDhcp } from './raw-dhcp.ts';
import { noteName } from './unique-names.ts';

/** The classes, and all names that were given, also those of classes whose expression is wrong. */
export interface ParsedClasses {
  readonly settings: readonly ClassSettings[];
  readonly names: ReadonlySet<string>;
}

/** Reads `classes`. A complaint about an expression points at the word of it that is wrong. */
export function parseClasses(dhcp: Located<RawDhcp>, outer: LeaseTimes, context: DhcpContext): ParsedClasses {
  const names = new Map<string, Place>();
  const settings = itemsOf(dhcp.value.classes).flatMap((written): readonly ClassSettings[] => {
    const { name } = written.value;
    if (PERMIT_WORDS.some((word) => word === name.value)) {
      context.problems.error(
        name.place,
        `a class cannot be called '${name.value}': ranges use the word for more`,
      );
    }
    noteName(names, name, 'class', context.problems);
    const { parameters } = parseScope(written.value, outer, context);
    const match = parseMatch(written.value.match, context);
    const onlyOn = readSubnets(written.value['only-on'], context);
    return match === undefined ? [] : [{ name: name.value, match, onlyOn, parameters }];
  });
  return { settings, names: new Set(names.keys()) };
}

/** Warns of classes that are bound to a network where no machine is: they would never tell anybody anything. */
export function warnOfIdleClasses(
  dhcp: Located<RawDhcp>,
  networks: ParsedNetworks,
  { problems }: DhcpContext,
): void {
  if (!networks.areComplete) return;
  for (const written of itemsOf(dhcp.value.classes)) {
    for (const item of itemsOf(written.value['only-on'])) {
      const subnet = parseSubnet(item.value);
      const isServed = networks.subnets.some(
        ({ what }) =>
          subnet !== undefined &&
          subnet.prefixLength <= what.prefixLength &&
          subnetContains(subnet, what.network),
      );
      if (subnet !== undefined && !isServed) {
        problems.warn(item.place, `none of the subnets lies in ${item.value}`);
      }
    }
  }
}

function readSubnets(
  written: Located<readonly string[]> | undefined,
  context: DhcpContext,
): readonly Subnet[] | undefined {
  return written && itemsOf(written).flatMap((item) => parseNetwork(item, context) ?? []);
}

function parseMatch(written: Located<string>, context: DhcpContext): BooleanExpression | undefined {
  const { problems, catalogue } = context;
  const parsed = parseClassExpression(written.value, catalogue);
  if (parsed.kind === 'expression') {
    for (const { offset, message } of parsed.warnings) problems.warn(written.placeWithin(offset), message);
    return parsed.expression;
  }
  const { offset, message, unknownOption } = parsed.problem;
  // With a broken definition the name may well be one of those that could not be read.
  if (unknownOption === undefined || context.optionNamesAreComplete) {
    const hint = unknownOption === undefined ? '' : didYouMean(unknownOption, catalogue.names());
    problems.error(written.placeWithin(offset), `${message}${hint}`);
  }
  return undefined;
}
