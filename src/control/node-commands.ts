import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { BootProfile } from '../boot/boot-profile.ts';
import type { Node, NodeLookup, NodeUuid } from '../boot/node.ts';
import type { NodeBoot, NodeCommand, NodeRefusal, SharedProfile } from '../boot/node-registry.ts';

/** What became of a command. */
export type NodeCommandResult =
  /** In effect and on stable storage. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly refusal: NodeRefusal }
  /** A reservation of the configuration keeps the address for another machine. */
  | { readonly kind: 'address-reserved'; readonly address: Ipv4; readonly mac: Mac; readonly holder: string }
  /** A template fails, or a value has no form in a loader's language; nothing has changed. */
  | { readonly kind: 'unrenderable'; readonly reason: string }
  /** An image that it names by URL cannot be had; nothing has changed. */
  | {
      readonly kind: 'no-image';
      readonly part: 'kernel' | 'ramdisk';
      readonly code: 'source-failed' | 'checksum-mismatch' | 'no-room';
      readonly reason: string;
    }
  /** It could not be made durable; nothing has changed. */
  | { readonly kind: 'not-kept'; readonly reason: string };

/** The nodes and boot profiles, as the control API sees them. */
export interface NodeCommands extends Pick<NodeLookup, 'portByMac'> {
  /** In the order of their UUIDs. */
  listNodes(): readonly Node[];
  node(uuid: NodeUuid): Node | undefined;
  bootOf(uuid: NodeUuid): NodeBoot | undefined;
  /** In the order of their names. */
  listSharedProfiles(): readonly SharedProfile[];
  sharedProfile(name: string): SharedProfile | undefined;
  /** Sentences about what is legal in a profile and still will not boot as things are. */
  warningsFor(profile: BootProfile, node: Node | undefined): Promise<readonly string[]>;
  /** Sentences about what is legal in a node and will not come to what its author means as things are. */
  remarksOn(node: Node): readonly string[];
  /** Commands take effect one after the other. */
  execute(command: NodeCommand): Promise<NodeCommandResult>;
}
