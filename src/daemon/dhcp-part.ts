import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { traceDhcp } from '../services/dhcp-observer.ts';
import { DhcpService } from '../services/dhcp-service.ts';
import { DhcpWires } from '../services/dhcp-wires.ts';
import { DnsmasqFolderService } from '../services/dnsmasq-folder-service.ts';
import { bothObservers, publishLeases } from '../services/event-sources.ts';
import { ForeignServerWatch, serverIdentifiersOf } from '../services/foreign-server-watch.ts';
import type { Service } from '../services/service.ts';
import type { BootPart } from './boot-part.ts';
import type { Foundation } from './foundation.ts';
import { healthCheck, type HousePart } from './house-part.ts';
import type { LeasePart } from './lease-part.ts';
import type { NodePart } from './node-part.ts';

/** DHCP, and what belongs to it. */
export interface DhcpPart extends HousePart {
  readonly dnsmasqFiles: DnsmasqFolderService | undefined;
}

/** The leases that were kept, Ironic's files, the service on its wires, and the watch for strangers who answer too. */
export function buildDhcp(
  foundation: Foundation,
  nodePart: NodePart,
  leasePart: LeasePart | undefined,
  bootPart: BootPart,
): DhcpPart {
  const { dhcp: settings } = foundation.settings;
  if (settings === undefined || leasePart === undefined) return { dnsmasqFiles: undefined, services: [] };
  const dnsmasqFiles = buildDnsmasqFiles(foundation, nodePart, leasePart);
  const dhcp = buildDhcpService(foundation, settings, leasePart, bootPart, dnsmasqFiles);
  // What Ironic's files say is in effect before the first request is answered.
  const services: Service[] = [
    leasePart.service,
    ...(dnsmasqFiles === undefined ? [] : [dnsmasqFiles]),
    dhcp,
    ...(settings.mode === 'server' ? [buildForeignServerWatch(foundation, settings, bootPart)] : []),
  ];
  return { dnsmasqFiles, services, checks: () => [healthCheck('dhcp', dhcp.problems)] };
}

function buildDnsmasqFiles(
  { settings, clock, logger }: Foundation,
  { nodes }: NodePart,
  { leases }: LeasePart,
): DnsmasqFolderService | undefined {
  if (settings.dnsmasqFiles === undefined) return undefined;
  return new DnsmasqFolderService({
    settings: settings.dnsmasqFiles,
    nodes,
    leases: () => [...leases.leases(clock.now())],
    clock,
    logger,
  });
}

function buildDhcpService(
  foundation: Foundation,
  settings: DhcpSettings,
  leasePart: LeasePart,
  { boots }: BootPart,
  dnsmasqFiles: DnsmasqFolderService | undefined,
): DhcpService {
  const { inherited, keeper, registry, events, clock, logger, metrics, nodeOf } = foundation;
  const { interfaces } = foundation.settings;
  return new DhcpService({
    ...leasePart,
    settings,
    wires: new DhcpWires({ settings, interfaces, inherited, keeper, logger, metrics }),
    nodes: registry,
    isIgnored: (mac) => dnsmasqFiles?.isIgnored(mac) ?? false,
    clock,
    logger,
    metrics,
    observer: bothObservers(
      traceDhcp(boots),
      publishLeases(events, { byAddress: (address) => leasePart.service.byAddress(address), nodeOf }),
    ),
  });
}

function buildForeignServerWatch(
  { settings: { interfaces }, logger }: Foundation,
  settings: DhcpSettings,
  { boots }: BootPart,
): ForeignServerWatch {
  const ownIdentifiers = serverIdentifiersOf(settings);
  return new ForeignServerWatch({
    interfaces,
    clientPort: settings.clientPort,
    ownIdentifiers,
    boots,
    logger,
  });
}
