/** When a profile is used: each time; until its ramdisk was once sent whole; or never, the local disk instead. */
export const BOOT_POLICIES = ['always', 'once', 'local-disk'] as const;

export type BootPolicy = (typeof BOOT_POLICIES)[number];

/** What a machine boots. */
export interface BootProfile {
  /** For people and for Ironic: deploy, rescue, instance, ... */
  readonly purpose: string | undefined;
  /** Path below the TFTP root, or a URL. Undefined for policy `local-disk`, or a template that needs none. */
  readonly kernel: string | undefined;
  readonly ramdisk: string | undefined;
  readonly kernelAppendParams: string;
  /** A template's name without its ending; undefined: the loader's default one. */
  readonly template: string | undefined;
  readonly policy: BootPolicy;
}
