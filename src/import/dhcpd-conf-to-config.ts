import { formatIpv4 } from '../addr/ipv4.ts';
import { macFromBytes } from '../addr/mac.ts';
import { formatSubnet } from '../addr/subnet.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { showCondition } from './condition.ts';
import { networkClasses, type ClassOutline } from './conditional-classes.ts';
import { bootdClassName, outlineClasses } from './declared-classes.ts';
import { parseDhcpdConf, type ReadInclude } from './dhcpd-conf-parser.ts';
import { LossList, type Loss } from './loss-list.ts';
import { flowMap, listEntry, networkEntries, uniqueName } from './network-entries.ts';
import { collectOptionDefinitions, type DefinedOption } from './option-definitions.ts';
import { formatString } from './option-value.ts';
import { outlineHosts, type ReservationOutline } from './reservation-list.ts';
import { allEntries, originOf, scopeEntries } from './scope-entries.ts';
import { ScopeReader } from './scope-reader.ts';
import { readSite } from './site-reader.ts';
import type { HostDraft, Site } from './site.ts';
import { vendorSpaces } from './vendor-spaces.ts';
import type { YamlEntry, YamlItem, YamlNode } from './yaml-document.ts';

/** What a dhcpd.conf comes to. */
export interface ImportedDhcp {
  /** The keys of the `dhcp` section, each with where it comes from. */
  readonly dhcp: readonly YamlEntry[];
  /** What `interface` statements name. */
  readonly interfaces: readonly string[];
  /** What is not in the result, in the order of the file. */
  readonly losses: readonly Loss[];
}

/**
 * Says a dhcpd.conf in the words of bootd.yaml: groups are resolved into what they hold, hosts become reservations, pools become
 * ranges with `allow` and `deny`, classes, subclasses and conditions become classes. Every statement is either in the result or among
 * the losses. `hosts` are others besides, which OMAPI made and a lease file holds. Throws ImportError for a file that is broken.
 */
export function importDhcpdConf(
  text: string,
  file: string,
  readInclude: ReadInclude,
  hosts: readonly HostDraft[] = [],
): ImportedDhcp {
  const losses = new LossList();
  const statements = parseDhcpdConf(text, file, readInclude);
  const options = collectOptionDefinitions(statements, losses);
  const declared = readSite(statements, new ScopeReader(options, losses));
  const site = { ...declared, hosts: [...declared.hosts, ...hosts] };
  const machines = outlineHosts(site, file, losses);
  const classes = [
    ...machines.classes,
    ...outlineClasses(site.classes, file, (name) => isNamedByRange(name, site), losses),
    ...networkClasses(site, file, losses),
  ];
  const classNames = new Set(site.classes.map(({ name }) => name));
  const classNameOf = (name: string): string | undefined =>
    classNames.has(name) ? bootdClassName(name) : undefined;
  const global = scopeEntries([...site.global.settings.values()], 'global', losses);
  const dhcp = [
    ...global.fields,
    ...definitionEntries(options.definitions),
    ...vendorSpaceEntries(vendorSpaces(site, options.catalogue, losses)),
    ...global.options,
    ...listEntry('classes', classItems(classes, losses)),
    ...networkEntries(site, { classNameOf, losses }),
    ...listEntry(
      'reservations',
      machines.reservations.map((reservation) => reservationItem(reservation, losses)),
    ),
  ];
  return { dhcp, interfaces: site.interfaces, losses: losses.sorted() };
}

function isNamedByRange(name: string, { subnets }: Site): boolean {
  return subnets.some(({ ranges }) =>
    ranges.some(({ pool }) =>
      [...(pool?.allow ?? []), ...(pool?.deny ?? [])].some(
        (permit) => permit.kind === 'class' && permit.name === name,
      ),
    ),
  );
}

function definitionEntries(definitions: readonly DefinedOption[]): readonly YamlEntry[] {
  const entries = definitions.map(({ name, code, type, place }): YamlEntry => {
    const definition = [
      { key: 'code', value: code },
      { key: 'type', value: type },
    ];
    return { key: name, value: flowMap(definition), comment: originOf(place) };
  });
  return entries.length === 0 ? [] : [{ key: 'option-definitions', value: { kind: 'map', entries } }];
}

function vendorSpaceEntries(spaces: ReturnType<typeof vendorSpaces>): readonly YamlEntry[] {
  const [first, ...others] = spaces;
  if (first === undefined) return [];
  const [space, { place }] = first;
  const value: YamlNode =
    others.length === 0 ? space : { kind: 'flow-list', items: spaces.map(([name]) => name) };
  return [{ key: 'vendor-option-space', value, comment: originOf(place) }];
}

function classItems(classes: readonly ClassOutline[], losses: LossList): readonly YamlItem[] {
  const names = new Set<string>();
  return classes.map(({ name, match, settings, onlyOn, place }) => {
    const networks: readonly YamlEntry[] =
      onlyOn === undefined
        ? []
        : [{ key: 'only-on', value: { kind: 'flow-list', items: onlyOn.map(formatSubnet) } }];
    const entries = [
      { key: 'name', value: uniqueName(name, names), comment: originOf(place) },
      { key: 'match', value: showCondition(match) },
      ...networks,
      ...allEntries(scopeEntries(settings, 'class', losses)),
    ];
    return { value: { kind: 'map', entries } };
  });
}

/** More than this is not put on one line. */
const LONGEST_LINE = 110;

function reservationItem(reservation: ReservationOutline, losses: LossList): YamlItem {
  const { name, place, settings, hostName } = reservation;
  const comment = originOf(place);
  const head = [
    { key: 'name', value: name },
    ...identityEntries(reservation),
    ...(hostName === undefined ? [] : [{ key: 'host-name', value: hostName }]),
  ];
  const scope = allEntries(scopeEntries(settings, 'reservation', losses));
  const isShort = JSON.stringify(head.map(({ key, value }) => [key, value])).length < LONGEST_LINE;
  if (scope.length === 0 && isShort) return { value: flowMap(head), comment };
  const [first, ...others] = head;
  const entries = first === undefined ? [] : [{ ...first, comment }, ...others, ...scope];
  return { value: { kind: 'map', entries } };
}

function identityEntries(reservation: ReservationOutline): readonly YamlEntry[] {
  const { hardware, clientId, fixedAddresses } = reservation;
  const addresses = fixedAddresses.map(formatIpv4);
  const [address] = addresses;
  const fixed: YamlNode | undefined =
    addresses.length === 1 && address !== undefined ? address : { kind: 'flow-list', items: addresses };
  return [
    ...(hardware === undefined ? [] : [hardwareEntry(hardware)]),
    ...(clientId === undefined ? [] : [{ key: 'client-id', value: formatString(clientId, 'string') }]),
    ...(addresses.length === 0 ? [] : [{ key: 'fixed-address', value: fixed }]),
  ];
}

function hardwareEntry({ type, address }: NonNullable<ReservationOutline['hardware']>): YamlEntry {
  const mac = type === 'ethernet' ? macFromBytes(address) : undefined;
  if (mac !== undefined) return { key: 'hardware-ethernet', value: mac };
  const entries = [
    { key: 'type', value: type },
    { key: 'address', value: formatOctets(address) },
  ];
  return { key: 'hardware', value: flowMap(entries) };
}
