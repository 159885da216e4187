import { allOf } from './condition.ts';
import { conditionalBlocks, nameOfBlock, type ClassOutline } from './conditional-classes.ts';
import type { LossList } from './loss-list.ts';
import { allSettings, type ScopeContent } from './scope-content.ts';
import type { ClassDraft } from './site.ts';
import { subjectOf } from './token-reader.ts';

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
  losses: LossList,
): readonly ClassOutline[] {
  return classes.flatMap((declared) => {
    const { match, place, content, subclasses, emptyBecause } = declared;
    const own = { name: bootdClassName(declared.name), match, place };
    const speaking = subclasses.filter(
      ({ content: { settings, chains } }) => settings.size + chains.length > 0,
    );
    const ofSubclasses = speaking.flatMap((subclass) =>
      outlinesOf({ ...subclass, name: `${own.name} ${subclass.value}` }, subclass.content, mainFile),
    );
    if (emptyBecause === undefined) return [...ofSubclasses, ...outlinesOf(own, content, mainFile)];
    reportEmpty(declared, losses);
    // Ranges that name it need it all the same, so that they do not open for everybody.
    const closed = { ...own, settings: [], onlyOn: undefined };
    return isNamed(declared.name) ? [...ofSubclasses, closed] : ofSubclasses;
  });
}

/** Lists a class that nobody belongs to, and what it says. */
function reportEmpty({ words, place, content, emptyBecause }: ClassDraft, losses: LossList): void {
  const isHarmless = emptyBecause === 'no-match';
  if (isHarmless) {
    losses.note(place, subjectOf(words), 'nobody belongs to it: it has no `match`, or no subclass');
  }
  const reason = `it is for ${subjectOf(words)}, ${isHarmless ? 'that is, for nobody' : 'which cannot be read'}`;
  for (const setting of allSettings(content)) {
    if (isHarmless) losses.note(setting.place, subjectOf(setting.words), reason);
    else losses.lose(setting.place, subjectOf(setting.words), reason);
  }
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
