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
  let current = foundation.settings;
  const { dhcp: settings } = current;
  if (settings === undefined || leasePart === undefined) return { dnsmasqFiles: undefined, services: [] };
  const dnsmasqFiles = buildDnsmasqFiles(foundation, nodePart, leasePart);
  const { inherited, keeper, logger, metrics } = foundation;
  const { interfaces } = foundation.settings;
  const wires = new DhcpWires({ settings, interfaces, inherited, keeper, logger, metrics });
  const dhcp = buildDhcpService(foundation, settings, wires, leasePart, bootPart, dnsmasqFiles);
  const others =
    settings.mode === 'server' ? buildForeignServerWatch(foundation, settings, bootPart) : undefined;
  // What Ironic's files say is in effect before the first request is answered.
  const services: Service[] = [
    leasePart.service,
    ...(dnsmasqFiles === undefined ? [] : [dnsmasqFiles]),
    dhcp,
    ...(others === undefined ? [] : [others]),
  ];
  return {
    dnsmasqFiles,
    services,
    checks: () => [healthCheck('dhcp', dhcp.problems)],
    prepare: (next) =>
      Promise.resolve(() => {
        if (next.dhcp !== undefined && next.dhcp !== current.dhcp) {
          dhcp.adopt(next.dhcp);
          wires.adopt(next.dhcp);
          others?.adopt({ ownIdentifiers: serverIdentifiersOf(next.dhcp) });
        }
        const isSameFolders = next.dnsmasqFiles === current.dnsmasqFiles;
        current = next;
        return next.dnsmasqFiles === undefined || isSameFolders
          ? undefined
          : dnsmasqFiles?.adopt(next.dnsmasqFiles);
      }),
  };
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
  wires: DhcpWires,
  leasePart: LeasePart,
  { boots }: BootPart,
  dnsmasqFiles: DnsmasqFolderService | undefined,
): DhcpService {
  const { registry, events, clock, logger, metrics, nodeOf } = foundation;
  return new DhcpService({
    ...leasePart,
    settings,
    wires,
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
