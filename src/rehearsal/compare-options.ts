import type { ClientRequest } from '../dhcp/dhcp-request.ts';
import { formatOptionValue } from '../wire/dhcp/option-values.ts';
import { OPTION, optionByCode } from '../wire/dhcp/option-codes.ts';
import type { OptionMap } from '../wire/dhcp/dhcp-options.ts';
import { find, NOTHING, type Explanation, type Finding } from './finding.ts';

/** Two replies of one type, and what is known besides. */
export interface OptionComparison {
  readonly request: ClientRequest;
  readonly theirs: OptionMap;
  readonly ours: OptionMap;
  /** What is left of the lease that the client has, as far as it was seen; undefined: it has none. */
  readonly secondsLeft: number | undefined;
  /** The boot file of bootd's `file` field stands in the other server's option 67 instead. */
  readonly bootFileMoved: boolean;
}

/** Said elsewhere, or for people: the type is the answer itself, and the text of a NAK is in each server's own words. */
const NOT_COMPARED: ReadonlySet<number> = new Set([OPTION.messageType, OPTION.message, OPTION.overload]);

/** The time that is left may be some seconds off: what was seen is not the moment at which the lease was written. */
const SECONDS_OFF = 3;

/** Each option once: whether both have it, and the same octets in it. Their order says nothing to a client. */
export function compareOptions(comparison: OptionComparison): readonly Finding[] {
  const { theirs, ours, request } = comparison;
  const codes = [...new Set([...theirs.keys(), ...ours.keys()])].filter((code) => !NOT_COMPARED.has(code));
  return codes
    .sort((a, b) => a - b)
    .flatMap((code): readonly Finding[] => {
      const their = theirs.get(code);
      const our = ours.get(code);
      if (their !== undefined && our !== undefined && isSameValue(code, their, our)) return [];
      const explanation = explain(code, their, our, comparison);
      return [find(request.kind, aspectOf(code), shown(code, their), shown(code, our), explanation)];
    });
}

function explain(
  code: number,
  theirs: Uint8Array | undefined,
  ours: Uint8Array | undefined,
  comparison: OptionComparison,
): Explanation | undefined {
  const { request } = comparison;
  const isOnlyOurs = theirs === undefined;
  switch (code) {
    case OPTION.clientIdentifier:
      return isOnlyOurs ? 'client-identifier-sent-back' : undefined;
    case OPTION.clientMachineIdentifier:
      return isOnlyOurs ? 'machine-identifier-sent-back' : undefined;
    // dnsmasq sends both to everybody.
    case OPTION.subnetMask:
    case OPTION.broadcastAddress:
      return ours === undefined && request.parameterList?.includes(code) === false
        ? 'network-told-unasked'
        : undefined;
    case OPTION.renewalTime:
      return areNearShareOfLease([theirs, ours], 0.5, comparison) ? 'renewal-times' : undefined;
    case OPTION.rebindingTime:
      return areNearShareOfLease([theirs, ours], 0.875, comparison) ? 'renewal-times' : undefined;
    case OPTION.leaseTime:
      return theirs !== undefined && isTimeLeft(numberOf(theirs), comparison)
        ? 'full-time-at-renewal'
        : undefined;
    case OPTION.vendorClassIdentifier:
      return isVendorClassOfBoot(theirs, ours, request) ? 'vendor-class-of-boot' : undefined;
    case OPTION.bootfileName:
      return comparison.bootFileMoved && ours === undefined ? 'boot-file-in-its-field' : undefined;
    default:
      return undefined;
  }
}

/**
 * Whether each of the two, where it is there, is what RFC 2131 section 4.4.5 lets a client compute by itself; a configured value would be
 * another one. dnsmasq takes up to a sixteenth of the lease off, so that machines do not renew all at once.
 */
function areNearShareOfLease(
  values: readonly (Uint8Array | undefined)[],
  share: number,
  { ours }: OptionComparison,
): boolean {
  const lease = ours.get(OPTION.leaseTime);
  if (lease === undefined) return false;
  const seconds = numberOf(lease);
  return values.every((value) => {
    if (value === undefined) return true;
    const early = seconds * share - numberOf(value);
    return early >= 0 && early < seconds / 16 + 1;
  });
}

/** dhcpd answers a renewal that comes early with the time that is left (`dhcp-cache-threshold`). */
function isTimeLeft(seconds: number, { secondsLeft }: OptionComparison): boolean {
  return secondsLeft !== undefined && Math.abs(seconds - secondsLeft) <= SECONDS_OFF;
}

/** bootd says `HTTPClient` with every URL, and `PXEClient` only with a menu behind it. */
function isVendorClassOfBoot(
  theirs: Uint8Array | undefined,
  ours: Uint8Array | undefined,
  { firmware }: ClientRequest,
): boolean {
  if (firmware.isHttpClient) return theirs === undefined && ours !== undefined;
  return firmware.isPxeClient && theirs !== undefined && ours === undefined;
}

/** Octets, but for what no client tells apart: the NUL at the end of a text, and END and PAD at the end of option 43. */
function isSameValue(code: number, theirs: Uint8Array, ours: Uint8Array): boolean {
  const end = endOf(code);
  const a = withoutTail(theirs, end);
  const b = withoutTail(ours, end);
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

const NUL: ReadonlySet<number> = new Set([0]);
const END_AND_PAD: ReadonlySet<number> = new Set([0, 255]);
const NOTHING_AT_END: ReadonlySet<number> = new Set();

function endOf(code: number): ReadonlySet<number> {
  if (code === OPTION.vendorEncapsulatedOptions) return END_AND_PAD;
  return optionByCode(code).type.kind === 'text' ? NUL : NOTHING_AT_END;
}

function withoutTail(value: Uint8Array, tail: ReadonlySet<number>): Uint8Array {
  let end = value.length;
  while (end > 0 && tail.has(value[end - 1] ?? -1)) end -= 1;
  return value.subarray(0, end);
}

function numberOf(value: Uint8Array): number {
  return value.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** As dhcpd and bootd.yaml name it. */
export function aspectOf(code: number): string {
  return `option ${code} (${optionByCode(code).name})`;
}

function shown(code: number, value: Uint8Array | undefined): string {
  if (value === undefined) return NOTHING;
  return formatOptionValue(optionByCode(code).type, withoutTail(value, endOf(code)));
}
