import type { Loader } from './template.ts';

/** How each loader's language says which section it starts, and how a section begins. */
const STARTS: Readonly<Record<Loader, { readonly start: RegExp; readonly section: RegExp }>> = {
  pxelinux: { start: /^(default )deploy$/gm, section: /^label boot_ramdisk$/m },
  grub: { start: /^((?:set )?default=)deploy$/gm, section: /^menuentry "boot_ramdisk"/m },
  ipxe: { start: /^(goto )deploy$/gm, section: /^:boot_ramdisk$/m },
};

/** Ironic's word for a boot of what was deployed, and not of the agent that deploys. */
const INSTANCE = 'instance';

/**
 * Ironic's templates hold a section for everything that a node may boot and start `deploy`; when the instance is to boot
 * from the network, Ironic edits the rendered file to start `boot_ramdisk` (switch_pxe_config). A template of an operator
 * relies on that, so the same happens here. A text without these two sections stays as it is.
 */
export function startSection(loader: Loader, text: string, purpose: string | undefined): string {
  const { start, section } = STARTS[loader];
  if (purpose !== INSTANCE || !section.test(text)) return text;
  return text.replace(start, '$1boot_ramdisk');
}
