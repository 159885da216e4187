import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { conditionalBlocks } from './conditional-classes.ts';
import type { LossList } from './loss-list.ts';
import type { ScopeContent, Setting } from './scope-content.ts';
import type { Site } from './site.ts';
import { subjectOf } from './token-reader.ts';

const VENDOR_SPACE = 'vendor-option-space';

/**
 * The spaces that option 43 carries. dhcpd decides scope by scope; bootd carries a space wherever its sub-options are set, so that a
 * space whose sub-options are set in wider scopes than its `vendor-option-space` is listed.
 */
export function vendorSpaces(
  site: Site,
  catalogue: OptionCatalogue,
  losses: LossList,
): readonly (readonly [space: string, said: Setting])[] {
  const spaces = new Map<string, { readonly space: string; readonly said: Setting }>();
  const scopes = scopesOf(site);
  for (const said of scopes.flatMap((scope) => scope.find(({ key }) => key === VENDOR_SPACE) ?? [])) {
    const space = typeof said.value === 'string' ? said.value : '';
    if (spaces.has(space.toLowerCase())) continue;
    if (!catalogue.hasSpace(space)) {
      losses.lose(said.place, subjectOf(said.words), `no option of the space '${space}' is defined`);
      continue;
    }
    spaces.set(space.toLowerCase(), { space, said });
    const isForAll = site.global.settings.get(VENDOR_SPACE)?.value === said.value;
    const isSetElsewhere = scopes.some(
      (scope) => scope.some(({ key }) => isOf(space, key)) && !scope.some(({ key }) => key === VENDOR_SPACE),
    );
    if (!isForAll && isSetElsewhere) {
      const reason = `bootd sends the sub-options of '${space}' wherever they are set, not only here`;
      losses.lose(said.place, subjectOf(said.words), reason);
    }
  }
  return Array.from(spaces.values(), ({ space, said }) => [space, said] as const);
}

function isOf(space: string, key: string): boolean {
  return key.startsWith(`option ${space.toLowerCase()}.`);
}

/** What each scope of the file says, conditional or not. */
function scopesOf(site: Site): readonly (readonly Setting[])[] {
  const contents: readonly ScopeContent[] = [
    site.global,
    ...site.networks.map(({ content }) => content),
    ...site.subnets.flatMap(({ content, ranges }) => [
      content,
      ...ranges.flatMap(({ pool }) => pool?.content ?? []),
    ]),
    ...site.classes.flatMap(({ content, subclasses }) => [
      content,
      ...subclasses.map((each) => each.content),
    ]),
    ...site.hosts.flatMap(({ scopes }) => scopes),
  ];
  return [...new Set(contents)].flatMap((content) => [
    [...content.settings.values()],
    ...conditionalBlocks(content).map(({ settings }) => settings),
  ]);
}
