import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { BootProfile } from './boot-profile.ts';
import type { Node, NodeLookup, NodePort, NodeUuid } from './node.ts';

/** A node as a caller describes it; the registry gives it its generation. */
export type NodeDraft = Omit<Node, 'generation'>;

/** Some fields of a node. One that is there and undefined is taken away; one that is not there stays. */
export type NodeFields = Partial<Omit<NodeDraft, 'uuid'>>;

/** Where a node's boot profile comes from: a profile of its own, or a shared one by its name. */
export type ProfileAssignment =
  | { readonly kind: 'own'; readonly profile: BootProfile }
  | { readonly kind: 'shared'; readonly name: string };

/** What a node is to boot, and whether a profile with policy `once` has had its one boot. */
export interface NodeBoot {
  readonly assignment: ProfileAssignment;
  /** Milliseconds since 1970 of the boot that used up policy `once`; undefined while it is still to come. */
  readonly doneAt: number | undefined;
}

/** A profile that several nodes may use. */
export interface SharedProfile {
  readonly name: string;
  readonly profile: BootProfile;
  /** Rises with each change; the ETag of its document. */
  readonly generation: number;
}

/**
 * One record's new value, or its removal. The last one for a record wins and replaying is harmless, in any order of
 * records, so a store may keep them as they come and hand them all back at start.
 */
export type NodeChange =
  | { readonly kind: 'node.put'; readonly node: Node }
  | { readonly kind: 'node.delete'; readonly uuid: NodeUuid }
  | { readonly kind: 'boot-profile.put'; readonly uuid: NodeUuid; readonly boot: NodeBoot }
  | { readonly kind: 'boot-profile.delete'; readonly uuid: NodeUuid }
  | { readonly kind: 'shared-profile.put'; readonly shared: SharedProfile }
  | { readonly kind: 'shared-profile.delete'; readonly name: string }
  /** The highest generation that a removed record had: no generation is given out twice, even after a restart. */
  | { readonly kind: 'generation.put'; readonly generation: number };

/** What must hold of a record for a command to go through: HTTP's `If-Match` and `If-None-Match: *`. */
export type Precondition =
  | { readonly kind: 'none' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'generation'; readonly oneOf: readonly number[] };

/** What a caller wants changed. A put replaces all; a delete of what is not there changes nothing and succeeds. */
export type NodeCommand =
  | { readonly kind: 'node.put'; readonly node: NodeDraft; readonly precondition: Precondition }
  /** Changes what is named and keeps the rest, a BMC that the caller was never shown included. */
  | {
      readonly kind: 'node.amend';
      readonly uuid: NodeUuid;
      readonly fields: NodeFields;
      readonly precondition: Precondition;
    }
  | { readonly kind: 'node.delete'; readonly uuid: NodeUuid; readonly precondition: Precondition }
  | {
      readonly kind: 'boot-profile.put';
      readonly uuid: NodeUuid;
      readonly assignment: ProfileAssignment;
      readonly precondition: Precondition;
    }
  | { readonly kind: 'boot-profile.delete'; readonly uuid: NodeUuid; readonly precondition: Precondition }
  /** A boot went through: uses up policy `once`. Nothing happens under any other policy. */
  | { readonly kind: 'boot-profile.complete'; readonly uuid: NodeUuid; readonly at: number }
  | {
      readonly kind: 'shared-profile.put';
      readonly name: string;
      readonly profile: BootProfile;
      readonly precondition: Precondition;
    }
  | { readonly kind: 'shared-profile.delete'; readonly name: string; readonly precondition: Precondition };

/** Why a command is refused. */
export type NodeRefusal =
  | { readonly kind: 'mac-taken'; readonly mac: Mac; readonly owner: NodeUuid }
  | { readonly kind: 'address-taken'; readonly address: Ipv4; readonly owner: NodeUuid }
  | { readonly kind: 'node-unknown'; readonly uuid: NodeUuid }
  | { readonly kind: 'profile-unknown'; readonly name: string }
  | { readonly kind: 'profile-in-use'; readonly name: string; readonly nodes: readonly NodeUuid[] }
  /** `generation` is the current one; undefined: the record is not there. */
  | { readonly kind: 'precondition-failed'; readonly generation: number | undefined };

/** What a command comes to. No changes: everything is as the caller wants it already. */
export type NodePlan =
  | { readonly kind: 'changes'; readonly changes: readonly NodeChange[] }
  | { readonly kind: 'refused'; readonly refusal: NodeRefusal };

const NO_CHANGES: NodePlan = { kind: 'changes', changes: [] };

/**
 * All nodes, their boot profiles and the shared profiles: complete in memory, one writer. `plan` decides and changes
 * nothing; the caller makes the changes durable and then hands them to `apply`, with no other command in between.
 */
export class NodeRegistry implements NodeLookup {
  readonly #nodes = new Map<NodeUuid, Node>();
  readonly #boots = new Map<NodeUuid, NodeBoot>();
  readonly #sharedProfiles = new Map<string, SharedProfile>();
  readonly #ownerByMac = new Map<Mac, NodeUuid>();
  readonly #ownerByFixedAddress = new Map<Ipv4, NodeUuid>();
  #generation = 0;

  portByMac(mac: Mac): NodePort | undefined {
    return this.#portOf(this.#ownerByMac.get(mac), (port) => port.address === mac);
  }

  /** The port that an address is reserved for; an address is reserved for at most one. */
  portByFixedAddress(address: Ipv4): NodePort | undefined {
    return this.#portOf(this.#ownerByFixedAddress.get(address), (port) => port.fixedAddress === address);
  }

  nodeByUuid(uuid: NodeUuid): { readonly node: Node; readonly profile: BootProfile | undefined } | undefined {
    const node = this.#nodes.get(uuid);
    return node === undefined ? undefined : { node, profile: this.#effectiveProfile(uuid) };
  }

  /** What the node is to boot as it was put, with the state of policy `once`. */
  bootOf(uuid: NodeUuid): NodeBoot | undefined {
    return this.#boots.get(uuid);
  }

  sharedProfile(name: string): SharedProfile | undefined {
    return this.#sharedProfiles.get(name);
  }

  /** In the order of their UUIDs. */
  listNodes(): readonly Node[] {
    return [...this.#nodes.values()].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /** In the order of their names. */
  listSharedProfiles(): readonly SharedProfile[] {
    return [...this.#sharedProfiles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The node as it would be with these fields; undefined when there is no such node. */
  amended(uuid: NodeUuid, fields: NodeFields): NodeDraft | undefined {
    const node = this.#nodes.get(uuid);
    if (node === undefined) return undefined;
    const { name, bootMode, arch, ports, dhcpOptions, bmc, purpose, managedBy } = node;
    return { uuid, name, bootMode, arch, ports, dhcpOptions, bmc, purpose, managedBy, ...fields };
  }

  /** What a command would change, or why it is refused. Changes nothing. */
  plan(command: NodeCommand): NodePlan {
    switch (command.kind) {
      case 'node.put':
        return this.#planNodePut(command.node, command.precondition);
      case 'node.amend':
        return this.#planNodeAmend(command.uuid, command.fields, command.precondition);
      case 'node.delete':
        return this.#planNodeDelete(command.uuid, command.precondition);
      case 'boot-profile.put':
        return this.#planBootPut(command.uuid, command.assignment, command.precondition);
      case 'boot-profile.delete':
        return this.#planBootDelete(command.uuid, command.precondition);
      case 'boot-profile.complete':
        return this.#planBootComplete(command.uuid, command.at);
      case 'shared-profile.put':
        return this.#planSharedPut(command.name, command.profile, command.precondition);
      case 'shared-profile.delete':
        return this.#planSharedDelete(command.name, command.precondition);
    }
  }

  /** Takes over changes that `plan` gave, or that the store had kept; in one step for every reader. */
  apply(changes: readonly NodeChange[]): void {
    for (const change of changes) this.#applyOne(change);
  }

  #planNodePut(draft: NodeDraft, precondition: Precondition): NodePlan {
    const current = this.#nodes.get(draft.uuid);
    const refusal = failedPrecondition(precondition, current?.generation) ?? this.#conflictOf(draft);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (current !== undefined && isSameValue({ ...draft, generation: current.generation }, current)) {
      return NO_CHANGES;
    }
    return changes({ kind: 'node.put', node: { ...draft, generation: this.#generation + 1 } });
  }

  #planNodeAmend(uuid: NodeUuid, fields: NodeFields, precondition: Precondition): NodePlan {
    const draft = this.amended(uuid, fields);
    if (draft !== undefined) return this.#planNodePut(draft, precondition);
    const refusal = failedPrecondition(precondition, undefined) ?? { kind: 'node-unknown', uuid };
    return { kind: 'refused', refusal };
  }

  #planNodeDelete(uuid: NodeUuid, precondition: Precondition): NodePlan {
    const current = this.#nodes.get(uuid);
    const refusal = failedPrecondition(precondition, current?.generation);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (current === undefined) return NO_CHANGES;
    return changes(
      { kind: 'node.delete', uuid },
      { kind: 'boot-profile.delete', uuid },
      { kind: 'generation.put', generation: this.#generation },
    );
  }

  #planBootPut(uuid: NodeUuid, assignment: ProfileAssignment, precondition: Precondition): NodePlan {
    const node = this.#nodes.get(uuid);
    if (node === undefined) return { kind: 'refused', refusal: { kind: 'node-unknown', uuid } };
    const current = this.#boots.get(uuid);
    const refusal = failedPrecondition(precondition, current && node.generation);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (assignment.kind === 'shared' && !this.#sharedProfiles.has(assignment.name)) {
      return { kind: 'refused', refusal: { kind: 'profile-unknown', name: assignment.name } };
    }
    // A put of policy `once` asks for one more boot, so it counts as a change after the first one is done.
    const boot: NodeBoot = { assignment, doneAt: undefined };
    if (isSameValue(boot, current)) return NO_CHANGES;
    return changes(this.#raised(node), { kind: 'boot-profile.put', uuid, boot });
  }

  #planBootDelete(uuid: NodeUuid, precondition: Precondition): NodePlan {
    const node = this.#nodes.get(uuid);
    const current = this.#boots.get(uuid);
    const refusal = failedPrecondition(precondition, current && node?.generation);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (node === undefined || current === undefined) return NO_CHANGES;
    return changes(this.#raised(node), { kind: 'boot-profile.delete', uuid });
  }

  #planBootComplete(uuid: NodeUuid, at: number): NodePlan {
    const node = this.#nodes.get(uuid);
    const boot = this.#boots.get(uuid);
    if (node === undefined || boot === undefined || boot.doneAt !== undefined) return NO_CHANGES;
    if (this.#assignedProfile(boot.assignment)?.policy !== 'once') return NO_CHANGES;
    return changes(this.#raised(node), { kind: 'boot-profile.put', uuid, boot: { ...boot, doneAt: at } });
  }

  #planSharedPut(name: string, profile: BootProfile, precondition: Precondition): NodePlan {
    const current = this.#sharedProfiles.get(name);
    const refusal = failedPrecondition(precondition, current?.generation);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (isSameValue(profile, current?.profile)) return NO_CHANGES;
    return changes({
      kind: 'shared-profile.put',
      shared: { name, profile, generation: this.#generation + 1 },
    });
  }

  #planSharedDelete(name: string, precondition: Precondition): NodePlan {
    const current = this.#sharedProfiles.get(name);
    const refusal = failedPrecondition(precondition, current?.generation);
    if (refusal !== undefined) return { kind: 'refused', refusal };
    if (current === undefined) return NO_CHANGES;
    const nodes = [...this.#boots]
      .filter(([, boot]) => boot.assignment.kind === 'shared' && boot.assignment.name === name)
      .map(([uuid]) => uuid);
    if (nodes.length > 0) return { kind: 'refused', refusal: { kind: 'profile-in-use', name, nodes } };
    return changes(
      { kind: 'shared-profile.delete', name },
      { kind: 'generation.put', generation: this.#generation },
    );
  }

  /** A MAC and a fixed address belong to one node. */
  #conflictOf(draft: NodeDraft): NodeRefusal | undefined {
    for (const port of draft.ports) {
      const macOwner = this.#ownerByMac.get(port.address);
      if (macOwner !== undefined && macOwner !== draft.uuid) {
        return { kind: 'mac-taken', mac: port.address, owner: macOwner };
      }
      if (port.fixedAddress === undefined) continue;
      const addressOwner = this.#ownerByFixedAddress.get(port.fixedAddress);
      if (addressOwner !== undefined && addressOwner !== draft.uuid) {
        return { kind: 'address-taken', address: port.fixedAddress, owner: addressOwner };
      }
    }
    return undefined;
  }

  /** The node under a new generation, as it is due whenever its boot profile changes. */
  #raised(node: Node): NodeChange {
    return { kind: 'node.put', node: { ...node, generation: this.#generation + 1 } };
  }

  #applyOne(change: NodeChange): void {
    switch (change.kind) {
      case 'node.put':
        this.#forgetPorts(change.node.uuid);
        this.#nodes.set(change.node.uuid, change.node);
        for (const port of change.node.ports) {
          this.#ownerByMac.set(port.address, change.node.uuid);
          if (port.fixedAddress !== undefined) {
            this.#ownerByFixedAddress.set(port.fixedAddress, change.node.uuid);
          }
        }
        this.#raiseGeneration(change.node.generation);
        return;
      case 'node.delete':
        this.#forgetPorts(change.uuid);
        this.#nodes.delete(change.uuid);
        return;
      case 'boot-profile.put':
        this.#boots.set(change.uuid, change.boot);
        return;
      case 'boot-profile.delete':
        this.#boots.delete(change.uuid);
        return;
      case 'shared-profile.put':
        this.#sharedProfiles.set(change.shared.name, change.shared);
        this.#raiseGeneration(change.shared.generation);
        return;
      case 'shared-profile.delete':
        this.#sharedProfiles.delete(change.name);
        return;
      case 'generation.put':
        this.#raiseGeneration(change.generation);
    }
  }

  #forgetPorts(uuid: NodeUuid): void {
    for (const { address, fixedAddress } of this.#nodes.get(uuid)?.ports ?? []) {
      if (this.#ownerByMac.get(address) === uuid) this.#ownerByMac.delete(address);
      if (fixedAddress !== undefined && this.#ownerByFixedAddress.get(fixedAddress) === uuid) {
        this.#ownerByFixedAddress.delete(fixedAddress);
      }
    }
  }

  #raiseGeneration(generation: number): void {
    this.#generation = Math.max(this.#generation, generation);
  }

  #portOf(
    owner: NodeUuid | undefined,
    wanted: (port: Node['ports'][number]) => boolean,
  ): NodePort | undefined {
    const node = owner === undefined ? undefined : this.#nodes.get(owner);
    const port = node?.ports.find(wanted);
    if (node === undefined || port === undefined) return undefined;
    return { node, port, profile: this.#effectiveProfile(node.uuid) };
  }

  /** What the node gets now: after its one boot, a profile with policy `once` means the local disk. */
  #effectiveProfile(uuid: NodeUuid): BootProfile | undefined {
    const boot = this.#boots.get(uuid);
    const profile = boot && this.#assignedProfile(boot.assignment);
    if (profile?.policy !== 'once' || boot?.doneAt === undefined) return profile;
    return { ...profile, policy: 'local-disk' };
  }

  #assignedProfile(assignment: ProfileAssignment): BootProfile | undefined {
    return assignment.kind === 'own'
      ? assignment.profile
      : this.#sharedProfiles.get(assignment.name)?.profile;
  }
}

function changes(...list: readonly NodeChange[]): NodePlan {
  return { kind: 'changes', changes: list };
}

function failedPrecondition(
  precondition: Precondition,
  generation: number | undefined,
): NodeRefusal | undefined {
  const holds =
    precondition.kind === 'none' ||
    (precondition.kind === 'absent' && generation === undefined) ||
    (precondition.kind === 'present' && generation !== undefined) ||
    (precondition.kind === 'generation' &&
      generation !== undefined &&
      precondition.oneOf.includes(generation));
  return holds ? undefined : { kind: 'precondition-failed', generation };
}

/**
 * Whether two plain values are the same, with the same order of keys. A false "no" costs one needless write, so this
 * need not see through a different order.
 */
function isSameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
