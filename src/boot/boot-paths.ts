import { formatIpv4Hex, ipv4FromNumber, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { parseMac, type Mac } from '../addr/mac.ts';
import { parseNodeUuid, type NodeUuid } from './node.ts';
import type { Loader } from './template.ts';

/** Whose configuration a path asks for, as far as its name tells. */
export type BootPathSubject =
  | { readonly kind: 'mac'; readonly mac: Mac }
  /** The system's UUID from SMBIOS, in either spelling, which may or may not be the node's. */
  | { readonly kind: 'uuid'; readonly uuid: NodeUuid }
  | { readonly kind: 'address'; readonly address: Ipv4 }
  /** Leading hex digits of an address: `C0A80` stands for a whole network. */
  | { readonly kind: 'address-prefix'; readonly hexDigits: string }
  /** Any machine: `default`, `grub.cfg`, `boot.ipxe`. */
  | { readonly kind: 'any' };

/** A name that a loader asks for when it looks for its configuration. */
export interface BootPath {
  readonly loader: Loader;
  readonly subject: BootPathSubject;
}

const ANY: BootPathSubject = { kind: 'any' };
/** Hardware type of ARP in two hex digits, dash, MAC: 01 is Ethernet; Ironic writes 20 for a port with a client-id. */
const TYPED_MAC = /^[0-9a-f]{2}-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/i;
const DASHED_MAC = /^(?:[0-9a-f]{2}-){5}[0-9a-f]{2}$/i;
const COLON_MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const HEX_DIGITS = /^[0-9A-F]{1,8}$/;

/**
 * Which loader's configuration a path below the TFTP root is, and whose; undefined for every other file. Empty parts
 * and `tftpboot/` in front are passed over, since loaders put the folder of their boot file in front of names:
 * pxelinux asks for `//tftpboot/...` when it was loaded as `/pxelinux.0`. The search orders behind the names are in
 * docs/booting.md.
 */
export function parseBootPath(path: string): BootPath | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  while (parts[0] === 'tftpboot') parts.shift();
  const name = parts.at(-1);
  if (name === undefined || parts.includes('..')) return undefined;
  const folder = parts.at(-2);
  if (folder === 'pxelinux.cfg') return parsePxelinuxName(name);
  if (name === 'boot.ipxe' || name === 'autoexec.ipxe') return { loader: 'ipxe', subject: ANY };
  return parseGrubName(name, parts.slice(0, -1));
}

/** pxelinux's search and then `default`; iPXE, as Ironic has it: the bare MAC. */
function parsePxelinuxName(name: string): BootPath | undefined {
  if (name === 'default') return { loader: 'pxelinux', subject: ANY };
  if (DASHED_MAC.test(name)) return withMac('ipxe', name);
  return parseSearchName('pxelinux', name);
}

/** pxelinux's search, which GRUB has taken over: the system's UUID, hardware type and MAC, address and its prefixes. */
function parseSearchName(loader: Loader, name: string): BootPath | undefined {
  const typedMac = TYPED_MAC.exec(name)?.[1];
  if (typedMac !== undefined) return withMac(loader, typedMac);
  const uuid = parseNodeUuid(name);
  if (uuid !== undefined) return { loader, subject: { kind: 'uuid', uuid } };
  return withHexAddress(loader, name);
}

/**
 * GRUB: `grub.cfg-UUID` where the ACK has option 97, `grub.cfg-01-MAC`, `grub.cfg-C0A80081` and shorter, `grub.cfg`, all
 * in its prefix, which is where it was built to look: any folder. Ironic's master file hands over to `MAC.conf` or `ADDRESS.conf`.
 */
function parseGrubName(name: string, folders: readonly string[]): BootPath | undefined {
  if (name === 'grub.cfg') return isGrubPrefix(folders) ? { loader: 'grub', subject: ANY } : undefined;
  if (name.startsWith('grub.cfg-')) return parseSearchName('grub', name.slice('grub.cfg-'.length));
  if (!name.endsWith('.conf')) return undefined;
  const stem = name.slice(0, -'.conf'.length);
  if (COLON_MAC.test(stem)) return withMac('grub', stem);
  const address = parseIpv4(stem);
  return address === undefined ? undefined : { loader: 'grub', subject: { kind: 'address', address } };
}

/**
 * Where distributions' GRUBs look for `grub.cfg`: beside themselves, `EFI/<distro>`, `grub`, `grub2`, `boot/grub`. A
 * `grub.cfg` elsewhere is somebody's own menu, which a rendered file must not shadow.
 */
function isGrubPrefix(folders: readonly string[]): boolean {
  const lower = folders.map((folder) => folder.toLowerCase());
  const last = lower.at(-1);
  if (last === undefined) return true;
  if (last === 'grub' || last === 'grub2') {
    return lower.length === 1 || (lower.length === 2 && lower[0] === 'boot');
  }
  return lower.length === 2 && lower[0] === 'efi';
}

function withMac(loader: Loader, text: string): BootPath | undefined {
  const mac = parseMac(text);
  return mac === undefined ? undefined : { loader, subject: { kind: 'mac', mac } };
}

function withHexAddress(loader: Loader, digits: string): BootPath | undefined {
  if (!HEX_DIGITS.test(digits)) return undefined;
  if (digits.length < 8) return { loader, subject: { kind: 'address-prefix', hexDigits: digits } };
  const address = ipv4FromNumber(Number.parseInt(digits, 16));
  return { loader, subject: { kind: 'address', address } };
}

/** Whether an address begins with these hex digits, as loaders write them. */
export function addressHasHexPrefix(address: Ipv4, hexDigits: string): boolean {
  return formatIpv4Hex(address).startsWith(hexDigits);
}
