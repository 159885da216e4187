import { ipv4FromNumber, ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import type { Firmware } from '../boot/firmware.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import type { OptionMap } from '../wire/dhcp/dhcp-options.ts';
import { encodeEncapsulated } from '../wire/dhcp/encapsulated-options.ts';
import { bootItemIn, encodePlainBootAnswer } from '../wire/dhcp/pxe-options.ts';
import { COMPUTED_OPTIONS } from './computed-options.ts';
import { MESSAGE_TYPE, type ClientRequest } from './dhcp-request.ts';
import { configuredCodes, encapsulatedOf, optionOf, type ScopeChain } from './scope-parameters.ts';
import type { ReplyType } from './outcome.ts';

const OFFER = Uint8Array.of(MESSAGE_TYPE.offer);
const ACK = Uint8Array.of(MESSAGE_TYPE.ack);
const NAK = Uint8Array.of(MESSAGE_TYPE.nak);

/** Everything that decides about the options of a reply other than a NAK. */
export interface ReplyOptionsInput {
  readonly type: Exclude<ReplyType, 'nak'>;
  readonly request: ClientRequest;
  readonly chain: ScopeChain;
  readonly spaceCarriers: ReadonlyMap<string, number>;
  readonly serverIdentifier: Ipv4;
  /** For option 1, where no scope has a value for it; undefined: the client's subnet is not ours (a proxy). */
  readonly subnetMask: Ipv4 | undefined;
  /** Undefined: the reply gives no lease. */
  readonly leaseSeconds: number | undefined;
  /** For option 12, from the machine's reservation. */
  readonly hostName: string | undefined;
  /** What a boot ROM is told; undefined: the machine is not to boot from here. */
  readonly boot: BootOptions | undefined;
}

/** What the options say about booting. */
export interface BootOptions {
  readonly bootFile: string | undefined;
  /** The boot file is too long for `file`, so it stands in option 67 whether asked for or not. */
  readonly inOption: boolean;
  readonly isUrl: boolean;
  /** The reply is that of a PXE boot server, proxy or not: it says so, and answers for its boot file at once. */
  readonly asBootServer: boolean;
}

/** Where to boot from: nothing for a port that is not PXE-enabled. */
const BOOT_CODES: ReadonlySet<number> = new Set<number>([
  OPTION.tftpServerName,
  OPTION.bootfileName,
  OPTION.tftpServerAddress,
]);

const PXE_SPACE = 'pxe';
const encoder = new TextEncoder();

/**
 * The options of a reply in their order: message type, server identifier and lease time first, since some ROMs look no
 * further; then what the client asked for, in its own order (RFC 2132 section 9.8), or all there is; then what it has to
 * know unasked, and what is only echoed, the relay's information last (RFC 3046 section 2.1).
 */
export function layoutReplyOptions(input: ReplyOptionsInput): OptionMap {
  const { type, request, leaseSeconds } = input;
  const options = new Map<number, Uint8Array>();
  if (type !== 'bootp') {
    options.set(OPTION.messageType, type === 'offer' ? OFFER : ACK);
    options.set(OPTION.serverIdentifier, ipv4ToBytes(input.serverIdentifier));
    if (leaseSeconds !== undefined) options.set(OPTION.leaseTime, secondsToBytes(leaseSeconds));
  }
  for (const code of request.parameterList ?? allCodes(input)) {
    const value = COMPUTED_OPTIONS.has(code) ? undefined : valueOf(code, input);
    if (value !== undefined) options.set(code, value);
  }
  for (const [code, value] of unaskedOptions(input)) if (!options.has(code)) options.set(code, value);
  // A class that boots by HTTP may be configured to say PXEClient; the firmware takes only its own word.
  const vendorClass = vendorClassEcho(input);
  if (vendorClass !== undefined) options.set(OPTION.vendorClassIdentifier, vendorClass);
  if (type !== 'bootp') echo(OPTION.clientMachineIdentifier, request, options);
  appendEchoes(request, options);
  return options;
}

/** The options of a NAK: who says no, why, and the echoes (RFC 2131 table 3, RFC 6842 section 3). */
export function layoutNakOptions(request: ClientRequest, serverIdentifier: Ipv4, message: string): OptionMap {
  const options = new Map<number, Uint8Array>();
  options.set(OPTION.messageType, NAK);
  options.set(OPTION.serverIdentifier, ipv4ToBytes(serverIdentifier));
  options.set(OPTION.message, encoder.encode(message));
  appendEchoes(request, options);
  return options;
}

function appendEchoes(request: ClientRequest, options: Map<number, Uint8Array>): void {
  if (request.kind !== 'bootp' && request.clientId !== undefined) {
    options.set(OPTION.clientIdentifier, request.clientId);
  }
  echo(OPTION.relayAgentInformation, request, options);
}

function echo(code: number, { message }: ClientRequest, options: Map<number, Uint8Array>): void {
  const value = message.options.get(code);
  if (value !== undefined) options.set(code, value);
}

/** What a client without option 55 gets, each BOOTP client for one: everything that is configured, and its netmask. */
function allCodes({ chain, spaceCarriers, hostName }: ReplyOptionsInput): readonly number[] {
  const ofMachine = hostName === undefined ? [] : [OPTION.hostName];
  return [OPTION.subnetMask, ...ofMachine, ...configuredCodes(chain), ...spaceCarriers.values()];
}

function valueOf(code: number, input: ReplyOptionsInput): Uint8Array | undefined {
  const { chain, subnetMask, leaseSeconds, hostName, boot } = input;
  if (BOOT_CODES.has(code) && boot === undefined) return undefined;
  const configured = optionOf(chain, code);
  switch (code) {
    case OPTION.subnetMask:
      return configured ?? (subnetMask && ipv4ToBytes(subnetMask));
    case OPTION.hostName:
      return hostName === undefined ? configured : encoder.encode(hostName);
    // T1 and T2 (RFC 2131 section 4.4.5).
    case OPTION.renewalTime:
      return leaseSeconds === undefined ? undefined : (configured ?? secondsToBytes(leaseSeconds * 0.5));
    case OPTION.rebindingTime:
      return leaseSeconds === undefined ? undefined : (configured ?? secondsToBytes(leaseSeconds * 0.875));
    // One reply names one boot file, wherever it stands.
    case OPTION.bootfileName:
      return configured && boot?.bootFile !== undefined ? encoder.encode(boot.bootFile) : undefined;
    case OPTION.vendorEncapsulatedOptions:
      return answerToItem(input) ?? configured ?? encapsulatedIn(code, input);
    default:
      return configured ?? encapsulatedIn(code, input);
  }
}

function encapsulatedIn(
  carrier: number,
  { chain, spaceCarriers }: ReplyOptionsInput,
): Uint8Array | undefined {
  // Most sites have none, and this is asked for each option that a client wishes for and nobody configured.
  if (chain.every(({ encapsulated }) => encapsulated.size === 0)) return undefined;
  for (const [space, code] of spaceCarriers) {
    if (code !== carrier) continue;
    const options = encapsulatedOf(chain, space);
    const end = carrier === OPTION.vendorEncapsulatedOptions ? 'end' : 'no-end';
    if (options.size > 0) return encodeEncapsulated(options, end);
  }
  return undefined;
}

/** A boot ROM needs these for its boot, whether its list names them or not. */
function* unaskedOptions(input: ReplyOptionsInput): Iterable<readonly [number, Uint8Array]> {
  const { boot } = input;
  if (boot === undefined) return;
  if (boot.inOption && boot.bootFile !== undefined)
    yield [OPTION.bootfileName, encoder.encode(boot.bootFile)];
  const vendorOptions = pxeVendorOptions(input, boot);
  if (vendorOptions !== undefined) yield [OPTION.vendorEncapsulatedOptions, vendorOptions];
}

/**
 * Option 43 for a ROM that does PXE: the site's menu. A boot server without one says that its boot file is to be loaded at
 * once, and confirms the menu item that was chosen.
 */
function pxeVendorOptions(input: ReplyOptionsInput, boot: BootOptions): Uint8Array | undefined {
  const { request, chain } = input;
  const answer = answerToItem(input);
  if (answer !== undefined) return answer;
  if (isPxeMenu(input, request.firmware)) return encapsulatedIn(OPTION.vendorEncapsulatedOptions, input);
  if (!boot.asBootServer || !request.firmware.isPxeClient) return undefined;
  return (
    optionOf(chain, OPTION.vendorEncapsulatedOptions) ??
    encodePlainBootAnswer(request.message.options.get(OPTION.vendorEncapsulatedOptions))
  );
}

/** Whether option 43 is a site's menu for PXE ROMs, so that they ask on port 4011 for what was chosen. */
export function carriesPxeMenu(spaceCarriers: ReadonlyMap<string, number>): boolean {
  return spaceCarriers.get(PXE_SPACE) === OPTION.vendorEncapsulatedOptions;
}

/** To a ROM that has chosen from the menu, its choice is confirmed; the menu again would be no answer (PXE 2.1 section 2.2.6). */
function answerToItem({ request: { firmware, message }, boot }: ReplyOptionsInput): Uint8Array | undefined {
  const asked = message.options.get(OPTION.vendorEncapsulatedOptions);
  if (boot?.asBootServer !== true || !firmware.isPxeClient || asked === undefined) return undefined;
  return bootItemIn(asked) && encodePlainBootAnswer(asked);
}

function isPxeMenu({ chain, spaceCarriers }: ReplyOptionsInput, firmware: Firmware): boolean {
  return firmware.isPxeClient && carriesPxeMenu(spaceCarriers) && encapsulatedOf(chain, PXE_SPACE).size > 0;
}

/**
 * Option 60 tells a ROM that the reply is for it as a boot client. UEFI HTTP boot takes no offer without `HTTPClient`;
 * `PXEClient` makes a ROM obey option 43, so it is said only together with a PXE menu: EDK2 else looks for a boot
 * server on port 4011.
 */
function vendorClassEcho(input: ReplyOptionsInput): Uint8Array | undefined {
  const { boot, request } = input;
  const { firmware } = request;
  if (boot === undefined) return undefined;
  if (firmware.isHttpClient) return boot.isUrl ? encoder.encode('HTTPClient') : undefined;
  const meansPxe = isPxeMenu(input, firmware) || (boot.asBootServer && firmware.isPxeClient);
  return meansPxe ? encoder.encode('PXEClient') : undefined;
}

/** A number of 32 bits lies in an option as an address does. */
function secondsToBytes(seconds: number): Uint8Array {
  return ipv4ToBytes(ipv4FromNumber(seconds));
}
