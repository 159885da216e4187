import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a test may need of the machine that it runs on. */
export type Need =
  | 'namespaces'
  | 'udhcpc'
  | 'dnsmasq'
  | 'virtual-machines'
  | 'reference-servers'
  | 'strace'
  | 'faketime'
  | 'ipmi'
  | 'judge-tools'
  | 'compiler'
  | 'promtool'
  | 'packet-loss'
  | 'browser'
  | 'debian-root'
  | 'deb-tools'
  | 'rpm-tools'
  | 'mandoc'
  | 'other-shells'
  | 'unit-checks'
  | 'service-manager'
  | 'loop-device'
  | 'ironic-package'
  | 'ironic';

/** A program or file, and the Debian package that brings it. */
interface Requirement {
  readonly name: string;
  readonly debianPackage: string;
}

const OVMF = '/usr/share/OVMF';

/** Gives a process, and only it, another wall clock. */
export const FAKETIME_LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const IRONIC: Requirement = {
  name: '/usr/lib/python3/dist-packages/ironic/__init__.py',
  debianPackage: 'python3-ironic',
};

const SYSTEMD_ANALYZE: Requirement = { name: 'systemd-analyze', debianPackage: 'systemd' };

/** What anybody may use. */
const UNPRIVILEGED: ReadonlySet<Need> = new Set<Need>([
  'strace',
  'ironic-package',
  'ipmi',
  'promtool',
  'unit-checks',
  'deb-tools',
  'rpm-tools',
  'mandoc',
  'other-shells',
]);

/** Programs by name (looked up in PATH and in the folders for administrators), files by absolute path. */
const REQUIREMENTS: Readonly<Record<Need, readonly Requirement[]>> = {
  namespaces: [
    { name: 'ip', debianPackage: 'iproute2' },
    { name: 'ethtool', debianPackage: 'ethtool' },
    { name: 'sysctl', debianPackage: 'procps' },
    { name: 'tcpdump', debianPackage: 'tcpdump' },
  ],
  udhcpc: [{ name: 'busybox', debianPackage: 'busybox-static' }],
  dnsmasq: [{ name: 'dnsmasq', debianPackage: 'dnsmasq-base' }],
  'virtual-machines': [
    { name: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
    { name: '/usr/lib/ipxe/qemu/efi-virtio.rom', debianPackage: 'ipxe-qemu' },
    { name: `${OVMF}/OVMF_CODE_4M.fd`, debianPackage: 'ovmf' },
    { name: 'busybox', debianPackage: 'busybox-static' },
    { name: 'cpio', debianPackage: 'cpio' },
    { name: 'xz', debianPackage: 'xz-utils' },
    { name: 'grub-mkimage', debianPackage: 'grub-common' },
    { name: '/usr/lib/grub/x86_64-efi/moddep.lst', debianPackage: 'grub-efi-amd64-bin' },
    {
      name: '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
      debianPackage: 'grub-efi-amd64-signed',
    },
    { name: '/usr/lib/shim/shimx64.efi.signed', debianPackage: 'shim-signed' },
    { name: '/usr/lib/ipxe/ipxe.efi', debianPackage: 'ipxe' },
    { name: '/usr/lib/PXELINUX/pxelinux.0', debianPackage: 'pxelinux' },
    { name: '/usr/lib/syslinux/modules/bios/ldlinux.c32', debianPackage: 'syslinux-common' },
  ],
  'reference-servers': [
    { name: 'dhcpd', debianPackage: 'isc-dhcp-server' },
    { name: 'in.tftpd', debianPackage: 'tftpd-hpa' },
  ],
  strace: [{ name: 'strace', debianPackage: 'strace' }],
  faketime: [{ name: FAKETIME_LIBRARY, debianPackage: 'libfaketime' }],
  compiler: [
    { name: 'gcc', debianPackage: 'gcc' },
    { name: '/usr/include/stdio.h', debianPackage: 'libc6-dev' },
  ],
  promtool: [{ name: 'promtool', debianPackage: 'prometheus' }],
  browser: [{ name: 'chromium', debianPackage: 'chromium' }],
  // Not netem, which some kernels are built without.
  'packet-loss': [{ name: 'nft', debianPackage: 'nftables' }],
  'deb-tools': [{ name: 'dpkg-deb', debianPackage: 'dpkg' }],
  'rpm-tools': [
    { name: 'rpmbuild', debianPackage: 'rpm' },
    { name: 'rpm2cpio', debianPackage: 'rpm2cpio' },
    { name: 'cpio', debianPackage: 'cpio' },
  ],
  mandoc: [{ name: 'mandoc', debianPackage: 'mandoc' }],
  'other-shells': [
    { name: 'zsh', debianPackage: 'zsh' },
    { name: 'fish', debianPackage: 'fish' },
  ],
  'debian-root': [
    { name: 'debootstrap', debianPackage: 'debootstrap' },
    { name: 'unshare', debianPackage: 'util-linux' },
  ],
  'loop-device': [
    { name: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
    { name: 'prlimit', debianPackage: 'util-linux' },
  ],
  ipmi: [
    { name: 'ipmitool', debianPackage: 'ipmitool' },
    { name: 'ipmi_sim', debianPackage: 'openipmi' },
  ],
  'judge-tools': [
    { name: 'python3', debianPackage: 'python3' },
    { name: 'unshare', debianPackage: 'util-linux' },
    { name: 'setpriv', debianPackage: 'util-linux' },
    { name: 'tshark', debianPackage: 'tshark' },
    { name: 'mergecap', debianPackage: 'wireshark-common' },
  ],
  'unit-checks': [SYSTEMD_ANALYZE],
  'service-manager': [{ name: 'systemd-nspawn', debianPackage: 'systemd-container' }],
  'ironic-package': [IRONIC],
  ironic: [
    IRONIC,
    { name: 'ipmitool', debianPackage: 'ipmitool' },
    { name: 'ipmi_sim', debianPackage: 'openipmi' },
  ],
};

/** The kernel that the machines boot has a version in its name, so it is looked for. */
const CLOUD_KERNEL: Requirement = { name: 'a cloud kernel', debianPackage: 'linux-image-cloud-amd64' };

/** Every Debian package that some test needs. */
export function debianPackages(): readonly string[] {
  const packages = Object.values(REQUIREMENTS).flatMap((list) => list.map((one) => one.debianPackage));
  return [...new Set([...packages, CLOUD_KERNEL.debianPackage])].sort();
}

/** Why a test with these needs cannot run here, in words for people; undefined when it can. */
export function whyNot(needs: readonly Need[]): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  const rights = needs.some((need) => !UNPRIVILEGED.has(need)) ? missingRights(needs) : undefined;
  if (rights !== undefined) return rights;
  const absent = needs.flatMap((need) =>
    REQUIREMENTS[need].filter((one) => findProgram(one.name) === undefined),
  );
  if (needs.includes('virtual-machines') && cloudKernelVersion() === undefined) absent.push(CLOUD_KERNEL);
  if (absent.length === 0) return undefined;
  const names = [...new Set(absent.map((one) => `${one.name} (Debian package ${one.debianPackage})`))];
  return `not installed: ${names.join(', ')}`;
}

/** The absolute path of a program or file; undefined when it is not there. */
export function findProgram(name: string): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined;
  // npm puts the programs of dependencies first in PATH, and one of them calls itself dhcpd.
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  const folders = [...path, '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** The newest installed cloud kernel, such as `6.1.0-1-cloud-amd64`, if it can be read. */
export function cloudKernelVersion(): string | undefined {
  const versions = existsSync('/lib/modules')
    ? readdirSync('/lib/modules').filter(
        (version) => version.endsWith('-cloud-amd64') && existsSync(`/boot/vmlinuz-${version}`),
      )
    : [];
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missingRights(needs: readonly Need[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces';
  if (!mayUnshare()) return 'may not make network namespaces (CAP_SYS_ADMIN is missing)';
  if (needs.includes('loop-device') && !existsSync('/dev/loop-control'))
    return 'there is no /dev/loop-control';
  if (needs.includes('virtual-machines') && !existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  return undefined;
}

let unshareAllowed: boolean | undefined;

/** Being root is not enough in a container: tried once for each process. */
function mayUnshare(): boolean {
  unshareAllowed ??= spawnSync('unshare', ['--net', '--mount', 'true']).status === 0;
  return unshareAllowed;
}
