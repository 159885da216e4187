import { formatIpv4, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { formatMacDashed, type Mac } from '../addr/mac.ts';
import { parseImageLocation, type BootProfile } from './boot-profile.ts';
import { startSection } from './ironic-section.ts';
import type { ImageChecksum } from './image-checksum.ts';
import { quoteArguments, quoteWord, UnsafeValueError } from './loader-language.ts';
import type { Node } from './node.ts';
import type { SharedProfile } from './node-registry.ts';
import { templateName, type Loader, type TemplateSet, type TemplateVariables } from './template.ts';

/** Who is to boot. A machine without a node has only its MAC, if even that. */
export interface Machine {
  readonly node: Node | undefined;
  /** The port that asks. */
  readonly mac: Mac | undefined;
}

/** What rendering needs besides the machine and its profile. */
export interface RenderingContext {
  readonly templates: TemplateSet;
  /** Absolute path of the TFTP root: kernels may be named with it in front. */
  readonly tftpRoot: string | undefined;
  /** What machines are told as next server, where their node's own options do not say otherwise. */
  readonly tftpServer: Ipv4 | undefined;
}

/** The variant of a loader's template that starts the local disk. */
export const LOCAL_DISK_VARIANT = 'local-disk';
/** The variant for machines without a node, under `boot.unknown: menu`: the shared profiles, and the local disk. */
export const MENU_VARIANT = 'default';

/** Where Ironic's boot.ipxe looks for a configuration by MAC, from wherever it was loaded itself. */
const IPXE_FOLDER = 'pxelinux.cfg/';

/** pxelinux reads lines into a buffer of 4096 octets with a NUL; what is over it takes for another line. */
const PXELINUX_LINE_OCTETS = 4095;

const NO_PROFILE: BootProfile = {
  purpose: undefined,
  kernel: undefined,
  ramdisk: undefined,
  kernelAppendParams: '',
  template: undefined,
  policy: 'local-disk',
};

/**
 * The configuration that makes a loader boot a profile, or the local disk under policy `local-disk`. Throws
 * TemplateError when the template fails, and UnsafeValueError when a value has no form in the loader's language.
 */
export function renderBootFile(
  loader: Loader,
  machine: Machine,
  profile: BootProfile,
  context: RenderingContext,
): Uint8Array {
  const name =
    profile.policy === 'local-disk'
      ? templateName(loader, LOCAL_DISK_VARIANT)
      : profileTemplate(loader, profile, context.templates);
  const variables = variablesOf(loader, machine, profile, context);
  return renderTemplate(name, loader, variables, context, profile.purpose);
}

/** What makes a loader start the local disk of a machine that has no profile. Throws as renderBootFile does. */
export function renderLocalDisk(loader: Loader, machine: Machine, context: RenderingContext): Uint8Array {
  return renderBootFile(loader, machine, NO_PROFILE, context);
}

/** A menu of shared profiles and the local disk, for a machine without a node. Throws as renderBootFile does. */
export function renderMenu(
  loader: Loader,
  machine: Machine,
  profiles: readonly SharedProfile[],
  context: RenderingContext,
): Uint8Array {
  const variables = {
    ...variablesOf(loader, machine, NO_PROFILE, context),
    profiles: profiles
      .filter(({ profile }) => profile.policy !== 'local-disk')
      .map(({ name, profile }) => ({
        name: quoteWord(loader, 'profiles.name', name),
        ...profileVariables(loader, profile, context),
      })),
  };
  return renderTemplate(templateName(loader, MENU_VARIANT), loader, variables, context);
}

/** The template that a profile uses with a loader: the named one where there is one for this loader, else its own. */
export function profileTemplate(loader: Loader, profile: BootProfile, templates: TemplateSet): string {
  const named = templateName(loader, profile.template);
  return templates.has(named) ? named : loader;
}

/**
 * The loaders that a node may meet. iPXE comes with either firmware; a node that does not declare its boot mode may
 * meet all of them.
 */
export function loadersOf(node: Node | undefined): readonly Loader[] {
  switch (node?.bootMode) {
    case 'bios':
      return ['pxelinux', 'ipxe'];
    case 'uefi':
      return ['grub', 'ipxe'];
    case undefined:
      return ['pxelinux', 'grub', 'ipxe'];
  }
}

function renderTemplate(
  name: string,
  loader: Loader,
  variables: TemplateVariables,
  context: RenderingContext,
  purpose?: string,
): Uint8Array {
  const text = startSection(loader, context.templates.render(name, variables), purpose);
  if (loader === 'pxelinux') refuseLongLines(text);
  return new TextEncoder().encode(text);
}

/** Every name of the catalogue that has a value, quoted for the loader. */
function variablesOf(
  loader: Loader,
  { node, mac }: Machine,
  profile: BootProfile,
  context: RenderingContext,
): TemplateVariables {
  const image = profileVariables(loader, profile, context);
  const server = tftpServerOf(node) ?? context.tftpServer;
  const serverAddress = server === undefined ? undefined : formatIpv4(server);
  return {
    node: {
      uuid: node?.uuid,
      name: quotedWord(loader, 'node.name', node?.name),
      boot_mode: node?.bootMode,
      arch: quotedWord(loader, 'node.arch', node?.arch),
    },
    port: {
      mac,
      mac_dashed: mac === undefined ? undefined : formatMacDashed(mac),
    },
    profile: image,
    server: { address: serverAddress },
    pxe_options: {
      deployment_aki_path: image.kernel,
      deployment_ari_path: image.ramdisk,
      aki_path: image.kernel,
      ari_path: image.ramdisk,
      pxe_append_params: image.kernel_append_params,
      tftp_server: serverAddress,
      initrd_filename: image.ramdisk_name,
      ipxe_timeout: 0,
    },
    ipxe_for_mac_uri: IPXE_FOLDER,
  };
}

/** What a profile says, quoted for the loader. */
function profileVariables(loader: Loader, profile: BootProfile, context: RenderingContext) {
  const kernel = imageForLoader(loader, 'profile.kernel', profile.kernel, profile.kernelChecksum, context);
  const ramdisk = imageForLoader(
    loader,
    'profile.ramdisk',
    profile.ramdisk,
    profile.ramdiskChecksum,
    context,
  );
  return {
    purpose: quotedWord(loader, 'profile.purpose', profile.purpose),
    kernel: quotedWord(loader, 'profile.kernel', kernel),
    ramdisk: quotedWord(loader, 'profile.ramdisk', ramdisk),
    ramdisk_name: quotedWord(loader, 'profile.ramdisk_name', lastPartOf(ramdisk)),
    kernel_append_params: quoteArguments(loader, 'profile.kernel_append_params', profile.kernelAppendParams),
  };
}

function quotedWord(loader: Loader, variable: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : quoteWord(loader, variable, value);
}

/**
 * pxelinux puts the folder of its boot file in front of a name, so `/tftpboot/kernel` would become
 * `//tftpboot/kernel` after the boot file `/pxelinux.0`: it gets names without a leading slash. GRUB and iPXE would
 * take such a name as relative to their prefix or script: they get one with it.
 */
function imageForLoader(
  loader: Loader,
  variable: string,
  image: string | undefined,
  checksum: ImageChecksum | undefined,
  context: RenderingContext,
): string | undefined {
  if (image === undefined) return undefined;
  const location = parseImageLocation(image, context.tftpRoot, checksum);
  switch (location.kind) {
    case 'path':
    case 'cached':
      return loader === 'pxelinux' ? location.path : `/${location.path}`;
    case 'url':
      return loader === 'grub' ? `(http,${location.host})${location.path}` : location.url;
    case 'invalid':
      throw new UnsafeValueError(variable, loader, location.reason);
  }
}

function lastPartOf(path: string | undefined): string | undefined {
  return path?.split(/[?#]/, 1)[0]?.split('/').at(-1);
}

/** Ironic's own word for a node: 255 is dnsmasq's name for siaddr, 150 and 66 are the TFTP server. */
function tftpServerOf(node: Node | undefined): Ipv4 | undefined {
  for (const name of ['255', '150', '66']) {
    const option = node?.dhcpOptions.find(
      (candidate) => candidate.name === name && candidate.ipVersion === 4,
    );
    const address = option && parseIpv4(option.value);
    if (address !== undefined) return address;
  }
  return undefined;
}

function refuseLongLines(text: string): void {
  const encoder = new TextEncoder();
  if (text.split('\n').some((line) => encoder.encode(line).length >= PXELINUX_LINE_OCTETS)) {
    throw new UnsafeValueError(
      'profile.kernel_append_params',
      'pxelinux',
      `makes a line of more than ${PXELINUX_LINE_OCTETS - 1} octets, the rest of which pxelinux would take for another line`,
    );
  }
}
