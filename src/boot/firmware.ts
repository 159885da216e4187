/**
 * The kinds of network-boot client that get boot files of their own; also the keys of `filename-by-arch`.
 * Option 93 (RFC 4578 section 2.1 and the IANA list "Processor Architecture Types") says which.
 */
export const FIRMWARE_KINDS = [
  'bios',
  'uefi-ia32',
  'uefi-x64',
  'uefi-arm32',
  'uefi-arm64',
  'uefi-http-ia32',
  'uefi-http-x64',
  'uefi-http-arm64',
  'ipxe',
] as const;

export type FirmwareKind = (typeof FIRMWARE_KINDS)[number];

/** An architecture, without the question whether iPXE asks. */
export type Architecture = Exclude<FirmwareKind, 'ipxe'>;

/** What a DHCP request tells about the program that sent it. */
export interface Firmware {
  /** From option 93, else from the vendor class `PXEClient:Arch:NNNNN`; undefined when neither is there. */
  readonly architecture: Architecture | undefined;
  /** User class `iPXE` (option 77) or option 175: iPXE itself asks, whatever it was loaded by. */
  readonly isIpxe: boolean;
  /** The vendor class (60) begins with `HTTPClient`: only an offer with a URL is taken. */
  readonly isHttpClient: boolean;
  /** The vendor class (60) begins with `PXEClient`, or option 93 is there. */
  readonly isPxeClient: boolean;
}

const ARCHITECTURE_BY_CODE: ReadonlyMap<number, Architecture> = new Map([
  [0, 'bios'],
  [6, 'uefi-ia32'],
  [7, 'uefi-x64'],
  [9, 'uefi-x64'],
  [10, 'uefi-arm32'],
  [11, 'uefi-arm64'],
  [15, 'uefi-http-ia32'],
  [16, 'uefi-http-x64'],
  [19, 'uefi-http-arm64'],
]);

/** The architecture of an IANA number. Firmware for x64 says 7 where the list says 9; both are taken. */
export function architectureFromCode(code: number): Architecture | undefined {
  return ARCHITECTURE_BY_CODE.get(code);
}

/** Whether the architecture is one of UEFI's; undefined says nothing. */
export function isUefi(architecture: Architecture): boolean {
  return architecture !== 'bios';
}

/** A boot file for each kind of firmware; what is absent falls through to the plain boot file. */
export type BootFileByFirmware = Readonly<Partial<Record<FirmwareKind, string>>>;
