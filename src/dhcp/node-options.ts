import { ipv4FromBytes } from '../addr/ipv4.ts';
import type { IronicDhcpOption, Node } from '../boot/node.ts';
import { OPTION, optionByCode, optionByName } from '../wire/dhcp/option-codes.ts';
import { encodeOptionValue, OptionValueError } from '../wire/dhcp/option-values.ts';
import { COMPUTED_OPTIONS } from './computed-options.ts';
import type { ScopeParameters } from './dhcp-settings.ts';

/** dnsmasq's number for siaddr, which Ironic sends (`255`); on the wire it would be the end mark. */
const SIADDR_NUMBER = 255;

/** Liberty's names for header fields (ironic/dhcp/neutron.py of 4.2 and older). */
const SIADDR_NAME = 'server-ip-address';

/** The option of DHCPv6 for the boot file URL; in DHCPv4 it is T2, which no provider means. */
const BOOTFILE_URL_V6 = 59;

/** For whom an option is meant: iPXE, everybody else, or all. */
type Audience = 'ipxe' | 'not-ipxe' | 'all';

/** What one of Ironic's options says, or why it says nothing. */
export type NodeOption =
  | { readonly kind: 'next-server'; readonly audience: Audience; readonly value: Uint8Array }
  | {
      readonly kind: 'option';
      readonly audience: Audience;
      readonly code: number;
      readonly value: Uint8Array;
    }
  /** An option for IPv6, which is somebody else's. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Reads an option as Ironic passes it: a code or Liberty's name, with a tag before it or not. */
export function readNodeOption(option: IronicDhcpOption): NodeOption {
  if (option.ipVersion === 6) return { kind: 'ignored' };
  const parts = option.name.split(',').map((part) => part.trim());
  const name = parts.pop() ?? '';
  let audience: Audience = 'all';
  for (const tag of parts) {
    if (tag === 'tag:ipxe' || tag === '175') audience = 'ipxe';
    else if (tag === 'tag:!ipxe' || tag === '!175') audience = 'not-ipxe';
    else return { kind: 'unreadable', reason: `'${tag}' in '${option.name}' is no tag that is known` };
  }
  const code = codeOf(name);
  if (code === undefined) return { kind: 'unreadable', reason: `'${option.name}' names no DHCP option` };
  if (code === BOOTFILE_URL_V6) return { kind: 'ignored' };
  if (code !== SIADDR_NUMBER && COMPUTED_OPTIONS.has(code)) {
    return {
      kind: 'unreadable',
      reason: `'${option.name}': every reply works out option ${code} for itself`,
    };
  }
  return readValue(option, code, audience);
}

function codeOf(name: string): number | undefined {
  if (/^\d{1,3}$/.test(name)) {
    const code = Number(name);
    return code >= 1 && code <= SIADDR_NUMBER ? code : undefined;
  }
  if (name === SIADDR_NAME) return SIADDR_NUMBER;
  return optionByName(name.replace(/^option:/, ''))?.code;
}

function readValue({ name, value }: IronicDhcpOption, code: number, audience: Audience): NodeOption {
  const isSiaddr = code === SIADDR_NUMBER;
  const type = isSiaddr ? ({ kind: 'ip-address' } as const) : optionByCode(code).type;
  try {
    const octets = encodeOptionValue(type, value);
    return isSiaddr
      ? { kind: 'next-server', audience, value: octets }
      : { kind: 'option', audience, code, value: octets };
  } catch (error) {
    if (!(error instanceof OptionValueError)) throw error;
    return { kind: 'unreadable', reason: `'${name}': ${error.message}` };
  }
}

interface NodeScopes {
  readonly ipxe: ScopeParameters;
  readonly others: ScopeParameters;
}

/** Nodes are values that are replaced whole, so each is read once. */
const SCOPES = new WeakMap<Node, NodeScopes>();

/** What a node's options say to iPXE, or to everybody else, as a scope of the configuration. */
export function nodeScope(node: Node, isIpxe: boolean): ScopeParameters {
  let scopes = SCOPES.get(node);
  if (scopes === undefined) {
    const options = node.dhcpOptions.map(readNodeOption);
    scopes = { ipxe: scopeFor(options, 'ipxe'), others: scopeFor(options, 'not-ipxe') };
    SCOPES.set(node, scopes);
  }
  return isIpxe ? scopes.ipxe : scopes.others;
}

/** An option for one audience wins over the same one for all: Ironic sends `!175,67` and a bare `67` meant for iPXE. */
function scopeFor(nodeOptions: readonly NodeOption[], audience: 'ipxe' | 'not-ipxe'): ScopeParameters {
  const options = new Map<number, Uint8Array>();
  let siaddr: Uint8Array | undefined;
  for (const wanted of ['all', audience]) {
    for (const option of nodeOptions) {
      if (option.kind === 'ignored' || option.kind === 'unreadable' || option.audience !== wanted) continue;
      if (option.kind === 'next-server') siaddr = option.value;
      else options.set(option.code, option.value);
    }
  }
  const bootFile = options.get(OPTION.bootfileName);
  return {
    options,
    encapsulated: new Map(),
    nextServer: siaddr && ipv4FromBytes(siaddr),
    filename: bootFile && new TextDecoder().decode(bootFile),
  };
}
