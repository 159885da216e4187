import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { subnetContains } from '../addr/subnet.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { allOf, anyOf, comparison, opposite, showCondition, type Condition } from './condition.ts';
import {
  conditionalBlocks,
  nameOfBlock,
  type ClassOutline,
  type ConditionalBlock,
} from './conditional-classes.ts';
import { hardwareNumber, type Hardware } from './hardware.ts';
import { decodeUtf8 } from './dhcpd-conf-lexer.ts';
import type { LossList } from './loss-list.ts';
import { allSettings, keysOfChains, mergeScopes, type ScopeContent, type Setting } from './scope-content.ts';
import type { HostDraft, Site } from './site.ts';
import type { SourcePlace } from './source-place.ts';
import { subjectOf } from './token-reader.ts';

/** A reservation of bootd.yaml. */
export interface ReservationOutline {
  readonly name: string;
  readonly place: SourcePlace;
  readonly hardware: Hardware | undefined;
  readonly clientId: Uint8Array | undefined;
  readonly fixedAddresses: readonly Ipv4[];
  readonly hostName: string | undefined;
  readonly settings: readonly Setting[];
}

/** The hosts of a site as bootd.yaml says them. */
export interface HostOutlines {
  readonly reservations: readonly ReservationOutline[];
  /** For what hosts are told under a condition. */
  readonly classes: readonly ClassOutline[];
}

const HOST_NAME_KEY = `option .${OPTION.hostName}`;
/** What `host-name` of a reservation takes; other names stay an option. */
const HOST_NAME = /^[a-z0-9_](?:[\w.-]{0,253}[a-z0-9_])?$/i;

/** Makes reservations of hosts. Hosts that are the same machine become one. */
export function outlineHosts(site: Site, mainFile: string, losses: LossList): HostOutlines {
  const resolved = mergeSameMachines(site.hosts, losses).map((host) => ({
    host,
    content: mergeScopes(...(isAtHome(host, site) ? [] : host.inherits), ...host.scopes),
  }));
  const reservations = resolved.map(({ host, content }): ReservationOutline => {
    const underConditions = keysOfChains(content.chains);
    const hostName = hostNameOf(host, content, site);
    const settings = [...content.settings.values()].filter(
      ({ key }) => !underConditions.has(key) && (hostName === undefined || key !== HOST_NAME_KEY),
    );
    const { name, place, hardware, clientId, fixedAddresses } = host;
    return { name, place, hardware, clientId, fixedAddresses, hostName, settings };
  });
  return { reservations, classes: hostClasses(resolved, mainFile) };
}

/**
 * dhcpd lets a host inherit from the network in which it is declared, wherever the machine is. On that network it is told the same
 * anyway, so nothing has to be repeated.
 */
function isAtHome({ fixedAddresses, inherits, declaredIn }: HostDraft, { subnets, networks }: Site): boolean {
  if (inherits.length === 0 || subnets.length <= 1) return true;
  const home =
    declaredIn === undefined
      ? (networks.find(({ content }) => content === inherits[0])?.subnets ?? []).map(({ subnet }) => subnet)
      : [declaredIn];
  return (
    fixedAddresses.length > 0 &&
    fixedAddresses.every((address) => home.some((subnet) => subnetContains(subnet, address)))
  );
}

/** The name of option 12; the name of the declaration where `use-host-decl-names` is on and nobody gives another. */
function hostNameOf(host: HostDraft, content: ScopeContent, { global }: Site): string | undefined {
  const around = mergeScopes(global, ...host.inherits, content);
  const configured = content.settings.get(HOST_NAME_KEY);
  const usesName = around.settings.get('use-host-decl-names')?.value === true;
  const isNamedElsewhere =
    around.settings.has(HOST_NAME_KEY) || keysOfChains(around.chains).has(HOST_NAME_KEY);
  const name = configured?.value ?? (usesName && !isNamedElsewhere ? host.name : undefined);
  if (keysOfChains(content.chains).has(HOST_NAME_KEY)) return undefined;
  return typeof name === 'string' && HOST_NAME.test(name) ? name : undefined;
}

interface ResolvedHost {
  readonly host: HostDraft;
  readonly content: ScopeContent;
}

/**
 * Classes for what hosts are told under conditions. A reservation wins over every class, so what holds for the same keys without a
 * condition becomes a class as well, behind the others. Hosts of one group share their classes.
 */
function hostClasses(hosts: readonly ResolvedHost[], mainFile: string): readonly ClassOutline[] {
  const shared = new Map<string, { readonly block: ConditionalBlock; readonly machines: HostDraft[] }>();
  for (const { host, content } of hosts) {
    for (const block of blocksOf(content)) {
      const origin = block.settings.map(({ place }) => `${place.file}:${place.line}:${place.column}`);
      const key = JSON.stringify([showCondition(block.guard), block.place.line, origin]);
      const entry = shared.get(key) ?? { block, machines: [] };
      shared.set(key, entry);
      entry.machines.push(host);
    }
  }
  const all = hosts.map(({ host }) => host);
  return [...shared.values()].map(({ block, machines }) => ({
    name: nameOfBlock(block, mainFile),
    match: allOf([identityOf(machines, all), block.guard]),
    settings: block.settings,
    onlyOn: undefined,
    place: block.place,
  }));
}

function blocksOf(content: ScopeContent): readonly ConditionalBlock[] {
  const keys = keysOfChains(content.chains);
  const settings = [...content.settings.values()].filter(({ key }) => keys.has(key));
  const [first] = settings;
  const otherwise =
    first === undefined ? [] : [{ keyword: 'else', place: first.place, guard: allOf([]), settings } as const];
  return [...conditionalBlocks(content), ...otherwise];
}

/** Any of the machines. A client-id counts before a hardware address, so whoever sends the client-id of another host is that host. */
function identityOf(machines: readonly HostDraft[], all: readonly HostDraft[]): Condition {
  const isSent = ({ clientId }: HostDraft): readonly Condition[] =>
    clientId === undefined ? [] : [comparison('option dhcp-client-identifier', showOctets(clientId))];
  const isCard = ({ hardware }: HostDraft): readonly Condition[] => {
    if (hardware === undefined) return [];
    const octets = Uint8Array.of(hardwareNumber(hardware), ...hardware.address);
    return [comparison('hardware', formatOctets(octets))];
  };
  const cards = machines.flatMap(isCard);
  const others = all.filter((host) => !machines.includes(host)).flatMap(isSent);
  const byCard = cards.length === 0 ? [] : [allOf([anyOf(cards), ...others.map(opposite)])];
  return anyOf([...byCard, ...machines.flatMap(isSent)]);
}

/** Octets in dhcpd's words: text where that is readable. */
function showOctets(octets: Uint8Array): string {
  const text = decodeUtf8(octets);
  if (text !== undefined && /^[\x20-\x7e]+$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  const hex = formatOctets(octets);
  return octets.length > 1 ? hex : `"\\x${hex}"`;
}

/** One host for each machine: by hardware address, then by client-id. */
function mergeSameMachines(hosts: readonly HostDraft[], losses: LossList): readonly HostDraft[] {
  const merged: HostDraft[] = [];
  const byHardware = new Map<string, number>();
  const byId = new Map<string, number>();
  for (const host of hosts) {
    const hardwareKey = host.hardware && `${host.hardware.type} ${formatOctets(host.hardware.address)}`;
    const idKey = host.clientId && formatOctets(host.clientId);
    const sameHardware = hardwareKey === undefined ? undefined : byHardware.get(hardwareKey);
    const sameId = idKey === undefined ? undefined : byId.get(idKey);
    const hardware = sameHardware === undefined ? host.hardware : undefined;
    const clientId = sameId === undefined ? host.clientId : undefined;
    const at = sameId ?? sameHardware ?? -1;
    const same = merged[at];
    if (hardware === undefined && clientId === undefined && same !== undefined) {
      merged[at] = joinHosts(same, host, losses);
      continue;
    }
    if (same !== undefined) {
      // dhcpd asks for the client-id first, so a host that has one of its own is reached by that alone.
      const what = sameId === undefined ? 'hardware address' : 'client-id';
      const reason = `its ${what} is that of the host in line ${same.place.line}, which has it alone here`;
      losses.note(host.place, `host ${host.name}`, reason);
    }
    if (hardwareKey !== undefined && hardware !== undefined) byHardware.set(hardwareKey, merged.length);
    if (idKey !== undefined && clientId !== undefined) byId.set(idKey, merged.length);
    merged.push({ ...host, hardware, clientId });
  }
  return merged;
}

/** The first host with the addresses of both. What the second one says otherwise cannot be kept apart, and is listed. */
function joinHosts(first: HostDraft, second: HostDraft, losses: LossList): HostDraft {
  const settingsOfFirst = mergeScopes(...first.scopes).settings;
  const { settings, chains } = mergeScopes(...second.scopes);
  const reason = `the host in line ${first.place.line} is the same machine, and one reservation says one thing`;
  for (const { key, value, place, words } of settings.values()) {
    const other = settingsOfFirst.get(key);
    if (JSON.stringify(other?.value) !== JSON.stringify(value)) losses.lose(place, subjectOf(words), reason);
  }
  for (const { place, words } of allSettings({ settings: new Map(), chains })) {
    losses.lose(place, subjectOf(words), reason);
  }
  const addresses = [...first.fixedAddresses, ...second.fixedAddresses];
  losses.note(
    second.place,
    `host ${second.name}`,
    `it is the machine of line ${first.place.line}; ${addresses.map(formatIpv4).join(', ')} are the addresses of both`,
  );
  return { ...first, fixedAddresses: [...new Set(addresses)] };
}
