import { formatIpv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { BootProfile } from '../boot/boot-profile.ts';
import { loadersOf, renderBootFile, type Machine, type RenderingContext } from '../boot/boot-files.ts';
import { UnsafeValueError } from '../boot/loader-language.ts';
import type { Node, NodePort, NodeUuid, Port } from '../boot/node.ts';
import type {
  NodeBoot,
  NodeCommand,
  NodeDraft,
  NodeRegistry,
  ProfileAssignment,
  SharedProfile,
} from '../boot/node-registry.ts';
import { formatTemplateError, TemplateError } from '../boot/template.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { nodeConflicts, nodeRemarks } from '../dhcp/node-remarks.ts';
import type { NodeCommandResult, NodeCommands } from '../control/node-commands.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { NodeStore } from '../store/node-store.ts';
import { StoreError } from '../store/store.ts';
import type { ImageFailure } from './image-service.ts';
import { profileWarnings, type FilePresence } from './profile-warnings.ts';
import type { Service } from './service.ts';

/** Sees that what a profile names by URL is there before the profile is taken. */
export interface ImageHolder {
  /** Resolves with the function that lets go of the images again, or with what is wrong. */
  holdFor(profile: BootProfile): Promise<(() => void) | ImageFailure>;
}

/** What the service works with. */
export interface NodeServiceParts {
  readonly registry: NodeRegistry;
  readonly store: NodeStore;
  /** Asked at each command, since templates change. */
  readonly rendering: () => RenderingContext;
  readonly files: FilePresence;
  /** The configuration of DHCP, asked at each command; undefined: DHCP is off here. */
  readonly dhcpSettings: () => DhcpSettings | undefined;
  readonly images: ImageHolder;
  /** A command was made durable and is in effect. */
  readonly onChange?: (command: NodeCommand) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The only writer of the node registry. Each command is planned, rendered once as a trial, made durable and then
 * applied before the next one begins: the answer means that it is in effect and on disk, and two commands can never
 * both claim a MAC.
 */
export class NodeService implements Service, NodeCommands {
  readonly name = 'nodes';
  readonly #parts: NodeServiceParts;
  #lastCommand: Promise<unknown> = Promise.resolve();

  constructor(parts: NodeServiceParts) {
    this.#parts = parts;
  }

  /** Reads the store; before this the registry is empty. */
  async start(): Promise<void> {
    const { registry, store, logger } = this.#parts;
    const { changes, report } = await store.load();
    for (const sentence of report) logger.warn({ event: EVENTS.storeRepaired }, sentence);
    registry.apply(changes);
    this.#countNodes();
    this.reportConflicts();
  }

  /** Says in the log where reservations of the configuration overrule stored nodes: at start, and whenever there are others. */
  reportConflicts(): void {
    const { registry, dhcpSettings, logger } = this.#parts;
    const settings = dhcpSettings();
    if (settings === undefined) return;
    for (const { uuid, ports } of registry.listNodes()) {
      for (const { address, mac, holder } of nodeConflicts(ports, settings)) {
        logger.warn(
          {
            event: EVENTS.nodeAddressOverruled,
            node: uuid,
            mac,
            address: formatIpv4(address),
            reservation: holder,
          },
          'the fixed address of a port is reserved for another machine in the configuration, which wins',
        );
      }
    }
  }

  /** Waits for the command under way. */
  async stop(): Promise<void> {
    await this.#lastCommand;
  }

  listNodes(): readonly Node[] {
    return this.#parts.registry.listNodes();
  }

  node(uuid: NodeUuid): Node | undefined {
    return this.#parts.registry.nodeByUuid(uuid)?.node;
  }

  portByMac(mac: Mac): NodePort | undefined {
    return this.#parts.registry.portByMac(mac);
  }

  bootOf(uuid: NodeUuid): NodeBoot | undefined {
    return this.#parts.registry.bootOf(uuid);
  }

  listSharedProfiles(): readonly SharedProfile[] {
    return this.#parts.registry.listSharedProfiles();
  }

  sharedProfile(name: string): SharedProfile | undefined {
    return this.#parts.registry.sharedProfile(name);
  }

  warningsFor(profile: BootProfile, node: Node | undefined): Promise<readonly string[]> {
    const { templates, tftpRoot } = this.#parts.rendering();
    return profileWarnings(profile, loadersOf(node), templates, tftpRoot, this.#parts.files);
  }

  remarksOn(node: Node): readonly string[] {
    const settings = this.#parts.dhcpSettings();
    return settings === undefined ? [] : nodeRemarks(node, settings);
  }

  async execute(command: NodeCommand): Promise<NodeCommandResult> {
    const profile = this.#profileOf(command);
    if (profile === undefined) return this.#enqueue(command);
    // Fetching may take minutes: it is not begun for what will be refused, and nobody else's command waits for it.
    const plan = this.#parts.registry.plan(command);
    if (plan.kind === 'refused') return plan;
    const held = await this.#parts.images.holdFor(profile);
    if (typeof held !== 'function') return { kind: 'no-image', ...held };
    try {
      return await this.#enqueue(command);
    } finally {
      held();
    }
  }

  /** The profile that a command puts to use. */
  #profileOf(command: NodeCommand): BootProfile | undefined {
    switch (command.kind) {
      case 'shared-profile.put':
        return command.profile;
      case 'boot-profile.put':
        return command.assignment.kind === 'own'
          ? command.assignment.profile
          : this.#parts.registry.sharedProfile(command.assignment.name)?.profile;
      default:
        return undefined;
    }
  }

  #enqueue(command: NodeCommand): Promise<NodeCommandResult> {
    const result = this.#lastCommand.then(() => this.#executeAlone(command));
    // The next command waits for this one, whether or not it went well; its own caller hears of the failure.
    this.#lastCommand = result.catch(() => undefined);
    return result;
  }

  async #executeAlone(command: NodeCommand): Promise<NodeCommandResult> {
    const { registry, store, logger } = this.#parts;
    const plan = registry.plan(command);
    if (plan.kind === 'refused') return plan;
    const conflict = this.#reservedAddress(command);
    if (conflict !== undefined) return conflict;
    const failure = this.#trialFailure(command);
    if (failure !== undefined) return { kind: 'unrenderable', reason: failure };
    if (plan.changes.length > 0) {
      try {
        await store.commit(plan.changes);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        logger.error({ event: EVENTS.storeFailed, err: error }, 'a change of the nodes could not be kept');
        return { kind: 'not-kept', reason: error.message };
      }
      registry.apply(plan.changes);
      this.#countNodes();
      this.#log(command);
      this.#parts.onChange?.(command);
    }
    return { kind: 'done' };
  }

  /** An address that a command claims for a port, and that a reservation keeps for another card. */
  #reservedAddress(command: NodeCommand): NodeCommandResult | undefined {
    const settings = this.#parts.dhcpSettings();
    const ports = portsClaimedBy(command);
    if (settings === undefined) return undefined;
    const conflict = nodeConflicts(ports, settings).find(({ isCertain }) => isCertain);
    return conflict && { kind: 'address-reserved', ...conflict };
  }

  /**
   * A template or a value that fails is the caller's answer now, and not a machine's surprise at night. What takes
   * something away is never held up by it.
   */
  #trialFailure(command: NodeCommand): string | undefined {
    const { registry } = this.#parts;
    switch (command.kind) {
      case 'node.put':
        return this.#nodeFailure(command.node);
      case 'node.amend': {
        const draft = registry.amended(command.uuid, command.fields);
        return draft && this.#nodeFailure(draft);
      }
      case 'boot-profile.put': {
        const { assignment } = command;
        const profile =
          assignment.kind === 'own' ? assignment.profile : registry.sharedProfile(assignment.name)?.profile;
        return profile && this.#renderingFailure(profile, this.node(command.uuid));
      }
      case 'shared-profile.put':
        return this.#renderingFailure(command.profile, undefined);
      case 'node.delete':
      case 'boot-profile.delete':
      case 'boot-profile.complete':
      case 'shared-profile.delete':
        return undefined;
    }
  }

  #nodeFailure(draft: NodeDraft): string | undefined {
    const profile = this.#parts.registry.nodeByUuid(draft.uuid)?.profile;
    return profile && this.#renderingFailure(profile, { ...draft, generation: 0 });
  }

  #renderingFailure(profile: BootProfile, node: Node | undefined): string | undefined {
    const context = this.#parts.rendering();
    const machine: Machine = { node, mac: node?.ports[0]?.address };
    try {
      for (const loader of loadersOf(node)) {
        renderBootFile(loader, machine, profile, context);
        // After its one boot, or with the policy changed alone, the machine gets this.
        renderBootFile(loader, machine, { ...profile, policy: 'local-disk' }, context);
      }
      return undefined;
    } catch (error) {
      if (error instanceof TemplateError) return formatTemplateError(error);
      if (error instanceof UnsafeValueError) return error.message;
      throw error;
    }
  }

  #countNodes(): void {
    this.#parts.metrics.nodes.set(this.#parts.registry.listNodes().length);
  }

  #logNode(uuid: NodeUuid): void {
    const node = this.node(uuid);
    this.#parts.logger.info(
      {
        event: EVENTS.nodePut,
        node: uuid,
        name: node?.name,
        macs: node?.ports.map(({ address }) => address),
      },
      'node is in effect',
    );
    const settings = this.#parts.dhcpSettings();
    if (node === undefined || settings === undefined) return;
    for (const remark of nodeRemarks(node, settings)) {
      this.#parts.logger.warn({ event: EVENTS.nodeDoubted, node: uuid, name: node.name }, remark);
    }
  }

  /** One line for a command that changed something. */
  #log(command: NodeCommand): void {
    const { logger, registry } = this.#parts;
    switch (command.kind) {
      case 'node.put':
        this.#logNode(command.node.uuid);
        break;
      case 'node.amend':
        this.#logNode(command.uuid);
        break;
      case 'node.delete':
        logger.info({ event: EVENTS.nodeDeleted, node: command.uuid }, 'node is gone');
        break;
      case 'boot-profile.put':
        logger.info(
          { event: EVENTS.bootProfilePut, node: command.uuid, ...describeAssignment(command.assignment) },
          'boot profile is in effect',
        );
        break;
      case 'boot-profile.delete':
        logger.info({ event: EVENTS.bootProfileDeleted, node: command.uuid }, 'boot profile is gone');
        break;
      case 'boot-profile.complete':
        logger.info(
          {
            event: EVENTS.bootProfilePut,
            node: command.uuid,
            policy: registry.nodeByUuid(command.uuid)?.profile?.policy,
          },
          'the one boot of policy once is done; the machine gets its local disk from now on',
        );
        break;
      case 'shared-profile.put':
        logger.info(
          { event: EVENTS.bootProfilePut, profile: command.name, ...describeProfile(command.profile) },
          'shared profile is in effect',
        );
        break;
      case 'shared-profile.delete':
        logger.info({ event: EVENTS.bootProfileDeleted, profile: command.name }, 'shared profile is gone');
        break;
    }
  }
}

/** Commands about anything else go through, also for a node whose address was overruled since. */
function portsClaimedBy(command: NodeCommand): readonly Port[] {
  if (command.kind === 'node.put') return command.node.ports;
  return command.kind === 'node.amend' ? (command.fields.ports ?? []) : [];
}

function describeAssignment(assignment: ProfileAssignment): Record<string, unknown> {
  return assignment.kind === 'own' ? describeProfile(assignment.profile) : { profile: assignment.name };
}

/** Not the kernel arguments: they can hold secrets. */
function describeProfile({ purpose, kernel, ramdisk, policy }: BootProfile): Record<string, unknown> {
  return { purpose, kernel, ramdisk, policy };
}
