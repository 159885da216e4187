import { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { optionByName } from '../wire/dhcp/option-codes.ts';
import { parseOptionType } from '../wire/dhcp/option-types.ts';
import type { Located } from './located.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawDhcp, RawOptionDefinition } from './raw-dhcp.ts';

const OPTION_NAME = /^(?:([a-z][\w-]*)\.)?([a-z0-9][\w-]*)$/i;

/** The names that options have in this configuration: `option-definitions` and `vendor-option-space`. */
export function parseOptionDefinitions(dhcp: Located<RawDhcp>, problems: ProblemList): OptionCatalogue {
  const catalogue = new OptionCatalogue();
  const definitions = dhcp.value['option-definitions'];
  const nameByCode = new Map<string, string>();
  for (const [name, definition] of Object.entries(definitions?.value ?? {})) {
    defineOption(name, definition, catalogue, nameByCode, problems);
  }
  const spaces = dhcp.value['vendor-option-space'];
  for (const space of spaces === undefined ? [] : listOfSpaces(spaces)) {
    if (catalogue.hasSpace(space.value)) catalogue.carryInVendorOptions(space.value);
    else if (definitions?.incomplete !== true) {
      problems.error(space.place, `no option of a space '${space.value}' is defined in 'option-definitions'`);
    }
  }
  return catalogue;
}

function listOfSpaces(spaces: Located<string | string[]>): readonly Located<string>[] {
  return typeof spaces.value === 'string' ? [spaces as Located<string>] : spaces.value;
}

function defineOption(
  name: string,
  definition: Located<RawOptionDefinition>,
  catalogue: OptionCatalogue,
  nameByCode: Map<string, string>,
  problems: ProblemList,
): void {
  const match = OPTION_NAME.exec(name);
  if (match === null) {
    problems.error(
      definition.keyPlace,
      `'${name}' cannot name an option: letters, digits, '-' and one '.' after a space`,
    );
    return;
  }
  const type = parseOptionType(definition.value.type.value);
  if (type === undefined) {
    problems.error(
      definition.value.type.place,
      `'${definition.value.type.value}' is no type of an option; types are written as 'string', 'text', 'boolean', ` +
        `'unsigned integer 16', 'ip-address', 'array of ip-address', '{ integer 8, text }' or 'encapsulate SPACE'`,
    );
    return;
  }
  const space = match[1]?.toLowerCase();
  const code = definition.value.code.value;
  const standard = space === undefined ? optionByName(name) : undefined;
  if (standard !== undefined && standard.code !== code) {
    problems.error(
      definition.value.code.place,
      `'${name}' is the name of option ${standard.code}; take another name for option ${code}`,
    );
    return;
  }
  if (space !== undefined && type.kind === 'encapsulate') {
    problems.error(definition.value.type.place, 'a sub-option cannot carry a space of its own');
    return;
  }
  const codeKey = `${space ?? ''}.${code}`;
  const other = nameByCode.get(codeKey);
  if (other !== undefined) {
    problems.warn(definition.value.code.place, `code ${code} is already defined under the name '${other}'`);
  }
  nameByCode.set(codeKey, name);
  catalogue.define({ name, code, type, space });
}
