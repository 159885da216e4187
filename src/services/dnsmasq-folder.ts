import type { Mac } from '../addr/mac.ts';
import type { NodeDraft } from '../boot/node-registry.ts';
import { parseNodeUuid, type NodeUuid } from '../boot/node.ts';
import type { DnsmasqHost, DnsmasqOption } from '../import/dnsmasq-files.ts';

/** Marks the nodes that come from these files. */
export const DNSMASQ_MANAGER = 'ironic-dnsmasq';

/** For this long after Ironic wrote it, an `ignore` keeps its machine without an answer. */
export const IGNORE_MS = 3_600_000;

/** A hosts file or options file as it was last read whole. */
export interface ReadFile<Entry> {
  /** Its name in the folder. */
  readonly name: string;
  readonly entries: readonly Entry[];
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** What the two folders say together. */
export interface FolderContent {
  readonly nodes: readonly NodeDraft[];
  readonly ignored: readonly IgnoredMachine[];
}

/** A machine that Ironic wants without an answer. */
export interface IgnoredMachine {
  readonly mac: Mac;
  /** The file that says so. */
  readonly file: string;
  /** Milliseconds since 1970 from which on the file is taken for a left-over. */
  readonly until: number;
}

const OPTIONS_FILE = /^ironic-([0-9a-fA-F-]{36})\.conf$/;

/**
 * A node for each options file that some hosts file refers to by its tag. Ironic writes the options first, so one
 * without hosts is half a node, or what is left of one.
 */
export function describeFolders(
  hosts: readonly ReadFile<DnsmasqHost>[],
  options: readonly ReadFile<DnsmasqOption>[],
): FolderContent {
  const macsByTag = new Map<string, Set<Mac>>();
  const ignored: IgnoredMachine[] = [];
  for (const { name, entries, writtenAt } of hosts) {
    for (const host of entries) {
      if (host.kind === 'ignored') {
        ignored.push({ mac: host.mac, file: name, until: writtenAt + IGNORE_MS });
        continue;
      }
      for (const tag of host.tags) {
        const macs = macsByTag.get(tag) ?? new Set();
        macsByTag.set(tag, macs.add(host.mac));
      }
    }
  }
  const nodes = options.flatMap(({ name, entries }): NodeDraft[] => {
    const uuid = parseNodeUuid(OPTIONS_FILE.exec(name)?.[1] ?? '');
    const macs = new Set(entries.flatMap(({ tag }) => [...(macsByTag.get(tag) ?? [])]));
    return uuid === undefined || macs.size === 0 ? [] : [nodeOf(uuid, macs, entries)];
  });
  return { nodes, ignored };
}

/** The files name neither the node nor its boot mode, and only ports that may boot from the network. */
function nodeOf(uuid: NodeUuid, macs: ReadonlySet<Mac>, options: readonly DnsmasqOption[]): NodeDraft {
  return {
    uuid,
    name: undefined,
    bootMode: undefined,
    arch: undefined,
    ports: [...macs].sort().map((address) => ({
      address,
      pxeEnabled: true,
      fixedAddress: undefined,
      extra: {},
    })),
    dhcpOptions: options.map(({ name, value, ipVersion }) => ({ name, value, ipVersion })),
    bmc: undefined,
    purpose: undefined,
    managedBy: DNSMASQ_MANAGER,
  };
}
