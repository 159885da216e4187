/** How a value is quoted where it stands in a configuration: as one word, or as the words of a command line. */
export type VariableKind = 'word' | 'arguments' | 'number' | 'list';

/** One name that a template may use. */
export interface TemplateVariable {
  /** With its map in front: `node.uuid`. */
  readonly name: string;
  readonly kind: VariableKind;
  /** A sentence for tftpboot-templates/README.md; a test compares the two. */
  readonly description: string;
}

/**
 * Every name that a template may use. A name that is not here is an error when a template is loaded; one that has no
 * value renders as nothing, as Ironic's templates expect. `pxe_options` and the names in capitals are Ironic's own, so
 * that an operator's `pxe_config_template` works unchanged: those for which bootd has no value are here all the same.
 */
export const TEMPLATE_VARIABLES: readonly TemplateVariable[] = [
  word('node.uuid', "The node's UUID."),
  word('node.name', "The node's name."),
  word('node.boot_mode', '`bios` or `uefi`, as the node is declared.'),
  word('node.arch', "The node's processor as it is declared: `x86_64`, `aarch64`, ..."),
  word('port.mac', 'MAC of the port that asks, lower case with colons.'),
  word('port.mac_dashed', 'The same with dashes, as in `BOOTIF=01-...`.'),
  word('profile.purpose', 'What the boot is for: `deploy`, `rescue`, `instance`, ...'),
  word('profile.kernel', 'The kernel, in the form that the loader needs.'),
  word('profile.ramdisk', 'The ramdisk, in the form that the loader needs.'),
  word('profile.ramdisk_name', "The last part of the ramdisk's path; iPXE names it to the kernel."),
  args('profile.kernel_append_params', 'The kernel arguments.'),
  word('server.address', 'Address of the TFTP server that the machine is told.'),

  list(
    'profiles',
    'In the menu (`*-default.tmpl`): the shared profiles, each with `name` and the members of `profile`.',
  ),

  word('pxe_options.deployment_aki_path', 'Same as `profile.kernel`.'),
  word('pxe_options.deployment_ari_path', 'Same as `profile.ramdisk`.'),
  word('pxe_options.aki_path', 'Same as `profile.kernel`.'),
  word('pxe_options.ari_path', 'Same as `profile.ramdisk`.'),
  args('pxe_options.pxe_append_params', 'Same as `profile.kernel_append_params`.'),
  args('pxe_options.ramdisk_opts', 'Nothing: Ironic puts these into the kernel arguments that it sends.'),
  word('pxe_options.tftp_server', 'Same as `server.address`.'),
  word('pxe_options.initrd_filename', 'Same as `profile.ramdisk_name`.'),
  number('pxe_options.ipxe_timeout', 'Always 0: iPXE waits as long as it likes.'),
  word('pxe_options.ipa-api-url', 'Nothing: part of the kernel arguments.'),
  word('pxe_options.ks_cfg_url', 'Nothing: part of the kernel arguments.'),
  word('pxe_options.stage2_url', 'Nothing: part of the kernel arguments.'),
  word('pxe_options.repo_url', 'Nothing: part of the kernel arguments.'),
  word('pxe_options.boot_from_volume', 'Nothing: booting from a volume is not supported.'),
  word('pxe_options.iscsi_boot_url', 'Nothing: booting from a volume is not supported.'),
  word('pxe_options.iscsi_initiator_iqn', 'Nothing: booting from a volume is not supported.'),
  list('pxe_options.iscsi_volumes', 'Nothing: booting from a volume is not supported.'),
  word('pxe_options.username', 'Nothing: booting from a volume is not supported.'),
  word('pxe_options.password', 'Nothing: booting from a volume is not supported.'),
  word('pxe_options.boot_iso_url', 'Nothing: booting from an ISO image is not supported.'),
  word('ipxe_for_mac_uri', "`pxelinux.cfg/`: where Ironic's `boot.ipxe` looks for a configuration by MAC."),
  word('ipxe_fallback_script', 'Nothing: `boot.unknown` says what an unknown machine gets.'),
  word('ROOT', 'Nothing: older Ironic edited the root device in after rendering.'),
  word('DISK_IDENTIFIER', 'Nothing: older Ironic edited the disk in after rendering.'),
];

function word(name: string, description: string): TemplateVariable {
  return { name, kind: 'word', description };
}

function args(name: string, description: string): TemplateVariable {
  return { name, kind: 'arguments', description };
}

function number(name: string, description: string): TemplateVariable {
  return { name, kind: 'number', description };
}

function list(name: string, description: string): TemplateVariable {
  return { name, kind: 'list', description };
}
