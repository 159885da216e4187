import { RELOAD_RULES, type ReloadEffect, type ReloadRule } from './reload-rules.ts';
import { isSameValue } from './same-value.ts';
import type { BootdSettings } from './settings.ts';

/** A key whose value changed, and what comes of it. */
export interface PlannedChange {
  /** As it is written: `dhcp.subnets`; a section's own name where it comes or goes. */
  readonly key: string;
  readonly effect: ReloadEffect;
}

/** What a reload does. */
export interface ReloadPlan {
  /** In the order of the rules; empty when nothing changed. */
  readonly changes: readonly PlannedChange[];
  /** What is in force afterwards: what the file says, but for what needs a restart. */
  readonly settings: BootdSettings;
}

/**
 * Compares what is in force with what the file says now. What needs a restart keeps its value, so it stands in the
 * next plan again, until the restart or until the file is changed back. Parts without a change are those of `current`
 * themselves.
 */
export function planReload(current: BootdSettings, next: BootdSettings): ReloadPlan {
  const settings = withSameParts(current, settingsAfterReload(current, next));
  const changes = RELOAD_RULES.flatMap((rule): readonly PlannedChange[] => {
    const { key, effect } = rule;
    if (isChanged(rule, settings, next)) return [{ key, effect: needsRestart(effect) }];
    return isChanged(rule, current, settings) ? [{ key, effect: { kind: 'live' } }] : [];
  });
  return { changes, settings };
}

/** Where a section comes or goes, that is the change, and not what stands in it. */
function isChanged({ isIn, valueIn }: ReloadRule, from: BootdSettings, to: BootdSettings): boolean {
  return isIn(from) && isIn(to) && !isSameValue(valueIn(from), valueIn(to));
}

/** What is live by itself waits for a restart with the part that it is about. */
function needsRestart(effect: ReloadEffect): ReloadEffect {
  return effect.kind === 'restart'
    ? effect
    : { kind: 'restart', reason: 'it is about a service that is off' };
}

/**
 * What the file says, with the old value of all that needs a restart. It says by assignment what the rules say by
 * table; a property test holds the two together.
 */
function settingsAfterReload(current: BootdSettings, next: BootdSettings): BootdSettings {
  return {
    ...next,
    interfaces: current.interfaces,
    stateDirectory: current.stateDirectory,
    control: current.control,
    dhcp: keep(current.dhcp, next.dhcp, ({ mode, serverPort, clientPort, httpBoot }) => ({
      mode,
      serverPort,
      clientPort,
      // Where the HTTP server listens, which a restart alone changes.
      httpBoot,
    })),
    tftp: keep(current.tftp, next.tftp, ({ listen, port, portRange, singlePort }) => ({
      listen,
      port,
      portRange,
      singlePort,
    })),
    http: keep(current.http, next.http, ({ listen, hostNames }) => ({ listen, hostNames })),
    httpBoot: keep(current.httpBoot, next.httpBoot, ({ listen }) => ({ listen })),
    images: { ...next.images, cacheDirectory: current.images.cacheDirectory },
    dnsmasqFiles: keep(current.dnsmasqFiles, next.dnsmasqFiles, () => ({})),
  };
}

/** A section that comes or goes waits for the restart whole. */
function keep<Section extends object>(
  current: Section | undefined,
  next: Section | undefined,
  kept: (current: Section) => Partial<Section>,
): Section | undefined {
  return current === undefined || next === undefined ? current : { ...next, ...kept(current) };
}

/** Whoever compares by identity, or keeps an index by it, sees that nothing changed where nothing did. */
function withSameParts(current: BootdSettings, settings: BootdSettings): BootdSettings {
  const parts = Object.entries(settings).map(([name, value]: [string, unknown]) => {
    const before = current[name as keyof BootdSettings];
    return [name, isSameValue(before, value) ? before : value] as const;
  });
  return { ...settings, ...Object.fromEntries(parts) };
}
