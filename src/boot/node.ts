import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { BootProfile } from './boot-profile.ts';

declare const uuidBrand: unique symbol;

/** A node's UUID, lower case, as Ironic gives it. */
export type NodeUuid = string & { readonly [uuidBrand]: true };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Reads a UUID in any case; undefined when it is none. */
export function parseNodeUuid(text: string): NodeUuid | undefined {
  const lower = text.toLowerCase();
  return UUID.test(lower) ? (lower as NodeUuid) : undefined;
}

/**
 * The same system in the other spelling: SMBIOS keeps the first three fields of a UUID in little-endian order (DSP0134
 * section 7.2.1), firmware sends those octets in option 97, and GRUB and pxelinux print them as they come.
 */
export function swapUuidFields(uuid: NodeUuid): NodeUuid {
  const swapped = (text: string): string => (text.match(/../g) ?? []).reverse().join('');
  const [first = '', second = '', third = '', ...rest] = uuid.split('-');
  return [swapped(first), swapped(second), swapped(third), ...rest].join('-') as NodeUuid;
}

/** How a node is declared to boot; its firmware says in option 93 how it really does. */
export type BootMode = 'bios' | 'uefi';

/** One network interface of a node. */
export interface Port {
  readonly address: Mac;
  /** A port that is not PXE-enabled gets an address, but no boot file. */
  readonly pxeEnabled: boolean;
  /** A reservation for this port; undefined: an address from a range. */
  readonly fixedAddress: Ipv4 | undefined;
  /** Ironic's `extra`, passed through: `client-id`, and `gateway_name`, `gateway_port`, `gateway_vlan` for people. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A DHCP option as Ironic's `update_dhcp_opts` passes it: everything is text. */
export interface IronicDhcpOption {
  /** A code (`67`), a code with a tag (`tag:ipxe,67`, `!175,67`), or Liberty's name (`bootfile-name`). */
  readonly name: string;
  readonly value: string;
  readonly ipVersion: 4 | 6;
}

/** How to reach a node's management controller. Never logged, never returned. */
export interface Bmc {
  readonly address: string;
  /** UDP port; 623 unless told otherwise. */
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** What sessions may do; the account must be allowed as much. */
  readonly privilege: BmcPrivilege;
  /** An IPMI cipher suite that is to be used whatever the controller offers; undefined: the best that both have. */
  readonly cipherSuite: number | undefined;
  /** The BMC key (Kg) in hexadecimal; undefined: the controller has none. */
  readonly kg: string | undefined;
}

/** Privilege of an IPMI session. */
export type BmcPrivilege = 'user' | 'operator' | 'administrator';

/** A machine as Ironic, or an admin, describes it. */
export interface Node {
  readonly uuid: NodeUuid;
  readonly name: string | undefined;
  /** Undefined: whatever its firmware says. */
  readonly bootMode: BootMode | undefined;
  /** The processor as Ironic's `cpu_arch` names it: x86_64, aarch64; undefined: whatever its firmware says. */
  readonly arch: string | undefined;
  readonly ports: readonly Port[];
  readonly dhcpOptions: readonly IronicDhcpOption[];
  readonly bmc: Bmc | undefined;
  /** What its manager last prepared it for (deploy, clean, rescue, ...); for people, since a boot profile has its own. */
  readonly purpose: string | undefined;
  /** Who wrote this node, `ironic` for one; undefined: an admin. */
  readonly managedBy: string | undefined;
  /** Rises with each change of the node or its boot profile; the ETag of its documents. */
  readonly generation: number;
}

/** A port together with the node that it belongs to and what that node boots. */
export interface NodePort {
  readonly node: Node;
  readonly port: Port;
  /** Undefined: the node has no boot profile; files on disk serve it. */
  readonly profile: BootProfile | undefined;
}

/** Read-only view of the nodes, for every room that only asks. */
export interface NodeLookup {
  /** A MAC belongs to at most one node. */
  portByMac(mac: Mac): NodePort | undefined;
  /** An address is reserved for at most one port. */
  portByFixedAddress(address: Ipv4): NodePort | undefined;
  nodeByUuid(uuid: NodeUuid): { readonly node: Node; readonly profile: BootProfile | undefined } | undefined;
}
