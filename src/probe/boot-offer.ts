import { ipv4FromBytes, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { fieldText, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import type { OfferWish } from './firmware-shapes.ts';

/** RFC 5071: pxelinux's own options. */
const CONFIG_FILE = 209;
const PATH_PREFIX = 210;

/** An answer as the client reads it: what it is called, and where its boot file is. */
export interface BootOffer {
  readonly address: Ipv4;
  readonly subnetMask: Ipv4 | undefined;
  /** Option 54; for BOOTP, which has none, siaddr. */
  readonly serverIdentifier: Ipv4;
  /** Where the boot file is fetched from. */
  readonly nextServer: Ipv4;
  /** Empty when the answer names none. */
  readonly bootFile: string;
  /** Undefined: without end. */
  readonly leaseSeconds: number | undefined;
  /** What pxelinux puts before its file names (option 210), instead of the boot file's folder. */
  readonly pathPrefix: string | undefined;
  /** What pxelinux reads instead of searching (option 209). */
  readonly configFile: string | undefined;
  readonly vendorClass: string;
  /** The machine's UUID as the server gives it back (option 97, type 0), octet by octet; GRUB asks for a file named so. */
  readonly machineUuid: string | undefined;
}

/**
 * Reads an OFFER, an ACK or a BOOTP reply. The boot file is option 67 where it is there, else `file`, as firmware
 * has it; its server is siaddr, else option 66 where that is an address, else whoever answered (EDK II does so).
 */
export function readBootOffer(message: DhcpMessage): BootOffer {
  const { options } = message;
  const serverIdentifier = addressOption(message, OPTION.serverIdentifier) ?? message.siaddr;
  return {
    address: message.yiaddr,
    subnetMask: addressOption(message, OPTION.subnetMask),
    serverIdentifier,
    nextServer: nextServerOf(message, serverIdentifier),
    bootFile: textOption(message, OPTION.bootfileName) ?? fieldText(message.file),
    leaseSeconds: secondsOf(options.get(OPTION.leaseTime)),
    pathPrefix: textOption(message, PATH_PREFIX),
    configFile: textOption(message, CONFIG_FILE),
    vendorClass: textOption(message, OPTION.vendorClassIdentifier) ?? '',
    machineUuid: uuidOf(options.get(OPTION.clientMachineIdentifier)),
  };
}

/** Why a client with that wish ignores the offer; undefined when it takes it. */
export function objectionTo(offer: BootOffer, wish: OfferWish): string | undefined {
  if (offer.address === UNSPECIFIED_IPV4) return 'it offers no address';
  switch (wish) {
    case 'address':
      return undefined;
    case 'boot-file':
      return offer.bootFile === ''
        ? 'it names no boot file, and the firmware ignores it (PXE-E16)'
        : undefined;
    case 'url':
      if (offer.vendorClass !== 'HTTPClient')
        return 'it does not say HTTPClient in option 60, and the firmware ignores it';
      return /^https?:\/\//i.test(offer.bootFile) ? undefined : 'its boot file is no URL';
    default:
      return wish satisfies never;
  }
}

function nextServerOf(message: DhcpMessage, answeredBy: Ipv4): Ipv4 {
  if (message.siaddr !== UNSPECIFIED_IPV4) return message.siaddr;
  return parseIpv4(textOption(message, OPTION.tftpServerName) ?? '') ?? answeredBy;
}

function addressOption(message: DhcpMessage, code: number): Ipv4 | undefined {
  const value = message.options.get(code);
  return value === undefined ? undefined : ipv4FromBytes(value);
}

/** Text up to the first NUL, which some servers count as part of it. */
function textOption(message: DhcpMessage, code: number): string | undefined {
  const value = message.options.get(code);
  return value === undefined ? undefined : fieldText(value);
}

const UUID_OCTETS = 16;

function uuidOf(value: Uint8Array | undefined): string | undefined {
  if (value?.length !== 1 + UUID_OCTETS || value[0] !== 0) return undefined;
  const digits = Array.from(value.subarray(1), (octet) => octet.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const INFINITE_LEASE = 0xffffffff;

function secondsOf(value: Uint8Array | undefined): number | undefined {
  if (value?.length !== 4) return undefined;
  const seconds = new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
  return seconds === INFINITE_LEASE ? undefined : seconds;
}
