import { join } from 'node:path';
import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { TRACE_LIMITS } from '../boot/trace-table.ts';
import { BootTraceService } from '../services/boot-trace-service.ts';
import { BootWatchService } from '../services/boot-watch-service.ts';
import { publishBoots } from '../services/event-sources.ts';
import { ForeignServers } from '../services/foreign-servers.ts';
import { PowerService } from '../services/power-service.ts';
import { ProbeDesk, type ProbeDeskParts } from '../services/probe-desk.ts';
import { TraceKeeper } from '../services/trace-keeper.ts';
import { TraceJournal } from '../store/trace-journal.ts';
import type { Foundation } from './foundation.ts';
import type { HousePart } from './house-part.ts';
import type { LeasePart } from './lease-part.ts';
import type { NodePart } from './node-part.ts';

/** What follows machines through their boots, and switches them on and off. */
export interface BootPart extends HousePart {
  readonly probes: ProbeDesk;
  /** Who asks from an address: the machine that a probe plays there, or the one with its lease. */
  readonly macOfAddress: (address: Ipv4) => Mac | undefined;
  readonly foreignServers: ForeignServers;
  readonly boots: BootTraceService;
  readonly power: PowerService;
  readonly watches: BootWatchService;
}

/** Traces, probes, power and watches. `expectedFile` is what TFTP, which is built later, would serve. */
export function buildBoots(
  foundation: Foundation,
  { nodes }: NodePart,
  leases: LeasePart | undefined,
  expectedFile: ProbeDeskParts['expectedFile'],
): BootPart {
  const { settings, registry, events, clock, logger, metrics } = foundation;
  const probes = new ProbeDesk({ clock, logger, expectedFile });
  const macOfAddress: BootPart['macOfAddress'] = (address) =>
    probes.machineAt(address) ?? leases?.service.macOfAddress(address);
  const foreignServers = new ForeignServers({
    areExpected: settings.dhcp?.mode === 'proxy',
    clock,
    logger,
    metrics,
  });
  const traceFile = join(settings.stateDirectory, 'boots.jsonl');
  const boots = new BootTraceService({
    portByMac: (mac) => registry.portByMac(mac),
    macOfAddress,
    probes,
    foreignServers,
    keeper: new TraceKeeper(new TraceJournal(traceFile, TRACE_LIMITS.established), logger),
    tftpRoot: settings.tftp?.root,
    unknownMachines: settings.unknownMachines,
    servesHttp: settings.httpBoot !== undefined,
    clock,
    logger,
    metrics,
  });
  boots.onChange(publishBoots(events));
  const power = new PowerService({ settings: settings.power, nodes, clock, logger, metrics });
  const watches = new BootWatchService({
    settings: settings.power.bootWatch,
    nodes: registry,
    power,
    boots,
    clock,
    logger,
    metrics,
  });
  return {
    probes,
    macOfAddress,
    foreignServers,
    boots,
    power,
    watches,
    services: [boots, power, watches],
    prepare: (next) =>
      Promise.resolve(() => {
        boots.adopt({ tftpRoot: next.tftp?.root, unknownMachines: next.unknownMachines });
        power.adopt(next.power);
        watches.adopt({ settings: next.power.bootWatch });
      }),
  };
}
