import type { IpmiRequest } from '../wire/rmcp/ipmi-message.ts';
import { ask, askIfSupported, octetAt, type Conversation } from './conversation.ts';
import { takesUefiDiskForRemoteMedia } from './quirks.ts';

/** Where a machine may be told to boot from; `none` lifts the override. */
export const BOOT_DEVICES = ['none', 'pxe', 'disk', 'safe', 'diagnostic', 'cdrom', 'bios', 'floppy'] as const;

export type BootDevice = (typeof BOOT_DEVICES)[number];

/** Boot flags to set. */
export interface BootDeviceOrder {
  readonly device: BootDevice;
  /** The loader of UEFI rather than that of a BIOS. */
  readonly uefi: boolean;
  /** For every boot from now on, rather than the next one alone. */
  readonly persistent: boolean;
  /**
   * Whether the controller forgets the order after 60 seconds without a power command, as the specification has it
   * (IPMI 2.0 section 28.12, parameter 3).
   */
  readonly expires: boolean;
}

/** Boot flags as a controller has them. */
export interface BootDeviceState {
  /** False: the flags are not in force. */
  readonly valid: boolean;
  /** `code-N` for a device that has no name here. */
  readonly device: BootDevice | `code-${number}`;
  readonly uefi: boolean;
  readonly persistent: boolean;
}

/** Device selectors of boot flags, data 2 (IPMI 2.0 table 28-14). */
const SELECTOR: Readonly<Record<BootDevice, number>> = {
  none: 0,
  pxe: 1,
  disk: 2,
  safe: 3,
  diagnostic: 4,
  cdrom: 5,
  bios: 6,
  floppy: 15,
};
const REMOTE_MEDIA = 9;

const CHASSIS = 0;
const SET_BOOT_OPTIONS = 0x08;
const GET_BOOT_OPTIONS = 0x09;
const PARAMETER = { setInProgress: 0, validBitClearing: 3, infoAcknowledge: 4, bootFlags: 5 } as const;
const FLAGS_VALID = 0x80;
const FLAGS_PERSISTENT = 0x40;
const FLAGS_UEFI = 0x20;
/** Parameter 3: do not clear the valid bit for want of a power command within 60 seconds. */
const KEEP_WITHOUT_COMMAND = 0x08;

/**
 * Sets where the machine boots from, in the order in which ipmitool does: begin, acknowledge, flags, commit, end. All
 * but the flags may be refused (quirk `boot-parameters-missing`). `manufacturer` is that of getDeviceId.
 */
export function* setBootDevice(order: BootDeviceOrder, manufacturer: number): Conversation<void> {
  yield* askIfSupported(setOption(PARAMETER.setInProgress, 1));
  if (!order.expires) {
    yield* askIfSupported(setOption(PARAMETER.validBitClearing, KEEP_WITHOUT_COMMAND));
  }
  // The firmware of the machine is to look at the flags: its acknowledgement is taken back.
  yield* askIfSupported(setOption(PARAMETER.infoAcknowledge, 1, 1));
  const flags = FLAGS_VALID | (order.persistent ? FLAGS_PERSISTENT : 0) | (order.uefi ? FLAGS_UEFI : 0);
  const selector = selectorOf(order, manufacturer);
  const request = setOption(PARAMETER.bootFlags, flags, selector << 2, 0, 0, 0);
  const what = `boot device ${order.device}`;
  try {
    yield* ask(request, what);
    yield* askIfSupported(setOption(PARAMETER.setInProgress, 2));
  } finally {
    // Left begun, nobody else could set anything.
    yield* askIfSupported(setOption(PARAMETER.setInProgress, 0));
  }
}

function selectorOf({ device, uefi }: BootDeviceOrder, manufacturer: number): number {
  if (device === 'disk' && uefi && takesUefiDiskForRemoteMedia(manufacturer)) return REMOTE_MEDIA;
  return SELECTOR[device];
}

/** Reads the boot flags. */
export function* getBootDevice(): Conversation<BootDeviceState> {
  const what = 'boot device';
  const request = {
    netFn: CHASSIS,
    command: GET_BOOT_OPTIONS,
    data: Uint8Array.of(PARAMETER.bootFlags, 0, 0),
  };
  const data = yield* ask(request, what);
  const flags = octetAt(data, 2, what);
  const selector = (octetAt(data, 3, what) >> 2) & 0x0f;
  const device = BOOT_DEVICES.find((name) => SELECTOR[name] === selector) ?? `code-${selector}`;
  return {
    valid: (flags & FLAGS_VALID) !== 0,
    persistent: (flags & FLAGS_PERSISTENT) !== 0,
    uefi: (flags & FLAGS_UEFI) !== 0,
    device,
  };
}

function setOption(parameter: number, ...data: readonly number[]): IpmiRequest {
  return { netFn: CHASSIS, command: SET_BOOT_OPTIONS, data: Uint8Array.of(parameter, ...data) };
}
