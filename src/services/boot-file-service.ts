import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import {
  renderBootFile,
  renderLocalDisk,
  renderMenu,
  type Machine,
  type RenderingContext,
} from '../boot/boot-files.ts';
import type { FileObservation, RenderingFailure } from '../boot/boot-observation.ts';
import {
  addressHasHexPrefix,
  parseBootPath,
  type BootPath,
  type BootPathSubject,
} from '../boot/boot-paths.ts';
import { imagesOf, type BootProfile } from '../boot/boot-profile.ts';
import { UnsafeValueError } from '../boot/loader-language.ts';
import { swapUuidFields, type NodePort, type NodeUuid } from '../boot/node.ts';
import type { NodeRegistry } from '../boot/node-registry.ts';
import type { ProbeLookup } from '../boot/probe-register.ts';
import { formatTemplateError, TemplateError, type Loader } from '../boot/template.ts';
import type { UnknownMachineBoot } from '../config/settings.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BootFileLookup, RenderedBootFile } from './boot-file-lookup.ts';
import type { PeerMemory } from './peer-memory.ts';
import type { TftpEvent } from './tftp-served.ts';

/** What the service works with. */
export interface BootFileServiceParts {
  readonly registry: Pick<NodeRegistry, 'portByMac' | 'nodeByUuid' | 'sharedProfile' | 'listSharedProfiles'>;
  /** Asked at each rendering, since templates change. */
  readonly rendering: () => RenderingContext;
  /** Whose lease an address is. */
  readonly macOfAddress: (address: Ipv4) => Mac | undefined;
  /** Where addresses are given by somebody else: who asked for which machine's configuration. */
  readonly peers?: Pick<PeerMemory, 'remember' | 'macOf'> | undefined;
  readonly unknownMachines: UnknownMachineBoot;
  /** A machine that is only played does not use up its policy `once`. */
  readonly probes: ProbeLookup;
  /** Uses up policy `once` of a node. */
  readonly completeBoot: (uuid: NodeUuid) => void;
  /** A configuration was asked for and could not be rendered. */
  readonly renderingFailed?: (failure: RenderingFailure) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Answers loaders that look for their configuration, from state at that moment; and notices when a machine has its
 * ramdisk whole, which uses up policy `once`.
 */
export class BootFileService implements BootFileLookup {
  #parts: BootFileServiceParts;

  constructor(parts: BootFileServiceParts) {
    this.#parts = parts;
  }

  /** Machines without a node get something else from now on. */
  adopt(settings: Pick<BootFileServiceParts, 'unknownMachines'>): void {
    this.#parts = { ...this.#parts, ...settings };
  }

  /**
   * The configuration of the machine that the name speaks of, else of the one that asks. Undefined unless that is a
   * PXE-enabled port of a node with a boot profile: then the disk is looked at.
   */
  forMachine(path: string, peer: Ipv4): RenderedBootFile | undefined {
    const bootPath = parseBootPath(path);
    if (bootPath === undefined) return undefined;
    const port = this.#portOf(bootPath.subject, peer);
    const profile = port?.profile;
    if (port === undefined || profile === undefined || !port.port.pxeEnabled) return undefined;
    const machine: Machine = { node: port.node, mac: port.port.address };
    if (bootPath.subject.kind === 'mac') this.#parts.peers?.remember(peer, port.port.address);
    const bytes = this.#rendered(path, peer, (context) =>
      renderBootFile(bootPath.loader, machine, profile, context),
    );
    return bytes && { bytes, node: port.node.uuid, generation: port.node.generation };
  }

  /**
   * The site's default for a machine without a node. Only for the last name of each loader's search (`default`,
   * `grub.cfg`, `boot.ipxe`): an answer to an earlier one would keep the loader from a later file on disk.
   */
  fallback(path: string, peer: Ipv4): RenderedBootFile | undefined {
    const bootPath = parseBootPath(path);
    if (bootPath?.subject.kind !== 'any') return undefined;
    const mac = this.#parts.macOfAddress(peer);
    if (mac !== undefined && this.#parts.registry.portByMac(mac) !== undefined) return undefined;
    return this.#unknownMachineFile(path, peer, bootPath, { node: undefined, mac });
  }

  /** Hears of every TFTP request that ended. */
  observe(event: TftpEvent): void {
    if (event.kind !== 'served' || event.result !== 'done') return;
    const { peer, path } = event.grant;
    if (typeof peer.address === 'number') this.#sentWhole(peer.address, path, event.durationMs);
  }

  /** Hears what happens to files over HTTP. A part of one does not make a boot. */
  observeFile(observation: FileObservation): void {
    if (observation.kind !== 'ended' || observation.ending !== 'done') return;
    if (observation.bytes !== observation.size) return;
    this.#sentWhole(observation.peer, observation.path, observation.durationMs);
  }

  #sentWhole(peer: Ipv4, path: string, durationMs: number): void {
    const mac = this.#parts.macOfAddress(peer) ?? this.#parts.peers?.macOf(peer);
    const port = mac && this.#parts.registry.portByMac(mac);
    if (port?.profile?.policy !== 'once') return;
    if (this.#parts.probes.probeOf(port.port.address, durationMs) !== undefined) return;
    if (this.#isLastImage(port.profile, path)) this.#parts.completeBoot(port.node.uuid);
  }

  #portOf(subject: BootPathSubject, peer: Ipv4): NodePort | undefined {
    const { registry, macOfAddress } = this.#parts;
    switch (subject.kind) {
      case 'mac':
        return registry.portByMac(subject.mac);
      case 'uuid':
        return this.#portByPeer(peer) ?? this.#portByUuid(subject.uuid);
      case 'address': {
        const mac = macOfAddress(subject.address);
        return mac && registry.portByMac(mac);
      }
      case 'address-prefix':
        return addressHasHexPrefix(peer, subject.hexDigits) ? this.#portByPeer(peer) : undefined;
      case 'any':
        return this.#portByPeer(peer);
    }
  }

  #portByPeer(peer: Ipv4): NodePort | undefined {
    const mac = this.#parts.macOfAddress(peer);
    return mac && this.#parts.registry.portByMac(mac);
  }

  /**
   * Where nodes are enrolled under the UUID of their firmware, that says which one it is. Asked last: there are boards
   * that all have the same one.
   */
  #portByUuid(uuid: NodeUuid): NodePort | undefined {
    const { registry } = this.#parts;
    const found = registry.nodeByUuid(uuid) ?? registry.nodeByUuid(swapUuidFields(uuid));
    const port = found?.node.ports.find(({ pxeEnabled }) => pxeEnabled);
    return found && port && { ...found, port };
  }

  #unknownMachineFile(
    path: string,
    peer: Ipv4,
    { loader }: BootPath,
    machine: Machine,
  ): RenderedBootFile | undefined {
    const { unknownMachines, registry } = this.#parts;
    switch (unknownMachines.kind) {
      case 'none':
        return undefined;
      case 'local-disk':
        return siteDefault(
          this.#rendered(path, peer, (context) => renderLocalDisk(loader, machine, context)),
        );
      case 'menu': {
        const profiles = registry.listSharedProfiles();
        return siteDefault(
          this.#rendered(path, peer, (context) => renderMenu(loader, machine, profiles, context)),
        );
      }
      case 'profile':
        return this.#sharedProfileFile(path, peer, loader, machine, unknownMachines.name);
    }
  }

  #sharedProfileFile(
    path: string,
    peer: Ipv4,
    loader: Loader,
    machine: Machine,
    name: string,
  ): RenderedBootFile | undefined {
    const shared = this.#parts.registry.sharedProfile(name);
    if (shared === undefined) {
      this.#parts.logger.warn(
        { event: EVENTS.templateFailed, path, profile: name },
        'boot.unknown names a shared profile that does not exist',
      );
      return undefined;
    }
    const bytes = this.#rendered(path, peer, (context) =>
      renderBootFile(loader, machine, shared.profile, context),
    );
    return bytes && { bytes, node: undefined, generation: shared.generation };
  }

  /** Undefined when it fails, which a change of the templates after the PUT can bring about. */
  #rendered(
    path: string,
    peer: Ipv4,
    render: (context: RenderingContext) => Uint8Array,
  ): Uint8Array | undefined {
    const { logger, metrics, rendering } = this.#parts;
    try {
      return render(rendering());
    } catch (error) {
      if (!(error instanceof TemplateError) && !(error instanceof UnsafeValueError)) throw error;
      const reason = error instanceof TemplateError ? formatTemplateError(error) : error.message;
      metrics.templateFailures.inc();
      logger.error(
        { event: EVENTS.templateFailed, path, reason },
        `a boot file could not be rendered: ${reason}`,
      );
      this.#parts.renderingFailed?.({ peer, path, reason });
      return undefined;
    }
  }

  /** The ramdisk, or the kernel where there is no ramdisk: after it the loader has all that it came for. */
  #isLastImage(profile: BootProfile, path: string): boolean {
    const location = imagesOf(profile, this.#parts.rendering().tftpRoot).at(-1)?.location;
    if (location?.kind !== 'path' && location?.kind !== 'cached') return false;
    return withoutRootName(location.path) === withoutRootName(path);
  }
}

function siteDefault(bytes: Uint8Array | undefined): RenderedBootFile | undefined {
  return bytes && { bytes, node: undefined, generation: 0 };
}

/** Names come with and without `tftpboot/` in front, as the map-file and the loader's own prefix have it. */
function withoutRootName(path: string): string {
  return path.replace(/^(?:\/*tftpboot\/)*\/*/, '');
}
