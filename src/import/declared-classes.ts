import { allOf } from './condition.ts';
import { conditionalBlocks, nameOfBlock, type ClassOutline } from './conditional-classes.ts';
import type { ScopeContent } from './scope-content.ts';
import type { ClassDraft } from './site.ts';

/** What ranges say for more than a class, so that no class can be called so. */
const RANGE_WORDS: ReadonlySet<string> = new Set(['known-machines', 'unknown-machines', 'bootp']);

/** The name of a declared class in bootd.yaml. */
export function bootdClassName(name: string): string {
  return RANGE_WORDS.has(name) ? `${name}-class` : name;
}

/**
 * The classes that a dhcpd.conf declares. What wins stands first: subclasses before their class, and what they say under a condition
 * before what they say for all.
 */
export function outlineClasses(
  classes: readonly ClassDraft[],
  mainFile: string,
  isNamed: (name: string) => boolean,
): readonly ClassOutline[] {
  return classes.flatMap((declared) => {
    const { name, match, place, content, subclasses } = declared;
    const own = { name: bootdClassName(name), match, place };
    const speaking = subclasses.filter(
      ({ content: { settings, chains } }) => settings.size + chains.length > 0,
    );
    return [
      ...speaking.flatMap((subclass) =>
        outlinesOf({ ...subclass, name: `${own.name} ${subclass.value}` }, subclass.content, mainFile),
      ),
      // Nobody belongs to a class that could not be read; ranges that name it need it all the same.
      ...(match.kind === 'any' && match.parts.length === 0 && !isNamed(name)
        ? []
        : outlinesOf(own, content, mainFile)),
    ];
  });
}

function outlinesOf(
  { name, match, place }: Pick<ClassOutline, 'name' | 'match' | 'place'>,
  content: ScopeContent,
  mainFile: string,
): readonly ClassOutline[] {
  const conditional = conditionalBlocks(content).map((block) => ({
    name: `${name} ${nameOfBlock(block, mainFile)}`,
    match: allOf([match, block.guard]),
    settings: block.settings,
    onlyOn: undefined,
    place: block.place,
  }));
  return [
    ...conditional,
    { name, match, settings: [...content.settings.values()], onlyOn: undefined, place },
  ];
}
