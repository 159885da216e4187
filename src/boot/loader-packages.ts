import type { FirmwareKind } from './firmware.ts';

/** A file of a package. */
export interface PackagedFile {
  /** Below the root of the file system; `*` stands for one folder, the same one for all files of a loader. */
  readonly path: string;
  /** The package that brings it. */
  readonly package: string;
}

/** A further file that a loader asks for, in the folder in which it lies itself. */
export interface LoaderCompanion extends PackagedFile {
  /** As the loader asks for it. */
  readonly name: string;
  /** Without it the boot ends there; the others are for menus and for cases that not every site has. */
  readonly required: boolean;
}

/**
 * Where one distribution keeps a loader. What belongs together is taken from one of them: pxelinux refuses a core module
 * of another version, and shim a GRUB that its distribution has not signed.
 */
export interface LoaderLayout extends PackagedFile {
  readonly distribution: 'Debian, Ubuntu' | 'Fedora, RHEL, CentOS' | 'openSUSE';
  /** Secure Boot firmware refuses an EFI program without a signature. */
  readonly signed: boolean;
  readonly companions: readonly LoaderCompanion[];
}

/** A loader that a boot file's name stands for, and where distributions keep it, in the order of preference. */
export interface PackagedLoader {
  /** For people. */
  readonly title: string;
  readonly layouts: readonly LoaderLayout[];
}

/** An architecture in the names of EFI programs, Debian's packages and folders, RPM's packages. */
interface EfiNames {
  readonly suffix: 'x64' | 'aa64' | 'ia32';
  readonly grub: string;
  readonly debian: string;
  readonly rpm: string;
  readonly suse: string | undefined;
}

const EFI: Readonly<Record<EfiNames['suffix'], EfiNames>> = {
  x64: { suffix: 'x64', grub: 'x86_64-efi', debian: 'amd64', rpm: 'x64', suse: 'x86_64' },
  aa64: { suffix: 'aa64', grub: 'arm64-efi', debian: 'arm64', rpm: 'aa64', suse: 'aarch64' },
  ia32: { suffix: 'ia32', grub: 'i386-efi', debian: 'ia32', rpm: 'ia32', suse: undefined },
};

/** What menus and Ironic's whole-disk section load; pxelinux itself only wants ldlinux.c32. */
const PXELINUX_EXTRAS = ['menu.c32', 'vesamenu.c32', 'libcom32.c32', 'libutil.c32', 'chain.c32', 'mboot.c32'];

/**
 * The loader that a boot file of this name is to be, by the names that distributions and their documents use; undefined
 * when no package is known to bring it. The kind of firmware decides where a name says no architecture (`ipxe.efi`).
 */
export function findPackagedLoader(
  bootFile: string,
  firmware: FirmwareKind | undefined,
): PackagedLoader | undefined {
  const name = bootFile.slice(bootFile.lastIndexOf('/') + 1).toLowerCase();
  if (/^l?pxelinux\.0$/.test(name)) return pxelinux(name);
  const [, kind = '', suffix] = /^(boot|shim|grubnet|grub)(x64|aa64|ia32)\.efi$/.exec(name) ?? [];
  if (suffix !== undefined) {
    const names = EFI[suffix as EfiNames['suffix']];
    return kind.startsWith('grub') ? grub(names) : shim(names);
  }
  return ipxe(name, firmware === 'uefi-arm64' || firmware === 'uefi-http-arm64' || /arm64|aa64/.test(name));
}

function pxelinux(name: string): PackagedLoader {
  const debian = 'usr/lib/syslinux/modules/bios';
  const rpm = 'usr/share/syslinux';
  const companions = (folder: string, packageName: string): readonly LoaderCompanion[] => [
    companion('ldlinux.c32', `${folder}/ldlinux.c32`, packageName, true),
    ...PXELINUX_EXTRAS.map((extra) => companion(extra, `${folder}/${extra}`, packageName, false)),
  ];
  const memdisk = (path: string, packageName: string): LoaderCompanion =>
    companion('memdisk', path, packageName, false);
  return {
    title: 'pxelinux',
    layouts: [
      {
        distribution: 'Debian, Ubuntu',
        path: `usr/lib/PXELINUX/${name}`,
        package: 'pxelinux',
        signed: false,
        companions: [
          ...companions(debian, 'syslinux-common'),
          memdisk('usr/lib/syslinux/memdisk', 'syslinux-common'),
        ],
      },
      {
        distribution: 'Fedora, RHEL, CentOS',
        path: `${rpm}/${name}`,
        package: 'syslinux-nonlinux',
        signed: false,
        companions: [...companions(rpm, 'syslinux-nonlinux'), memdisk(`${rpm}/memdisk`, 'syslinux-nonlinux')],
      },
    ],
  };
}

function shim(efi: EfiNames): PackagedLoader {
  const { suffix, debian, rpm, suse } = efi;
  const second = `grub${suffix}.efi`;
  const manager = `mm${suffix}.efi`;
  const debianFolder = `usr/lib/grub/${efi.grub}-signed`;
  return {
    title: `shim with GRUB, ${suffix}`,
    layouts: [
      {
        distribution: 'Debian, Ubuntu',
        path: `usr/lib/shim/shim${suffix}.efi.signed`,
        package: 'shim-signed',
        signed: true,
        companions: [
          companion(second, `${debianFolder}/grubnet${suffix}.efi.signed`, `grub-efi-${debian}-signed`, true),
          companion(
            manager,
            `usr/lib/shim/mm${suffix}.efi.signed`,
            `shim-helpers-${debian === 'ia32' ? 'i386' : debian}-signed`,
            false,
          ),
        ],
      },
      {
        distribution: 'Fedora, RHEL, CentOS',
        path: `boot/efi/EFI/*/shim${suffix}.efi`,
        package: `shim-${rpm}`,
        signed: true,
        companions: [
          companion(second, `boot/efi/EFI/*/grub${suffix}.efi`, `grub2-efi-${rpm}`, true),
          companion(manager, `boot/efi/EFI/*/mm${suffix}.efi`, `shim-${rpm}`, false),
        ],
      },
      ...(suse === undefined
        ? []
        : [
            {
              distribution: 'openSUSE' as const,
              path: `usr/share/efi/${suse}/shim.efi`,
              package: 'shim',
              signed: true,
              companions: [
                companion(second, `usr/share/efi/${suse}/grub.efi`, `grub2-${suse}-efi`, true),
                companion('MokManager.efi', `usr/share/efi/${suse}/MokManager.efi`, 'shim', false),
              ],
            },
          ]),
    ],
  };
}

function grub(efi: EfiNames): PackagedLoader {
  const { suffix, debian, rpm, suse } = efi;
  return {
    title: `GRUB, ${suffix}`,
    layouts: [
      {
        distribution: 'Debian, Ubuntu',
        path: `usr/lib/grub/${efi.grub}-signed/grubnet${suffix}.efi.signed`,
        package: `grub-efi-${debian}-signed`,
        signed: true,
        companions: [],
      },
      {
        distribution: 'Debian, Ubuntu',
        path: `usr/lib/grub/${efi.grub}/monolithic/grubnet${suffix}.efi`,
        package: `grub-efi-${debian}-bin`,
        signed: false,
        companions: [],
      },
      {
        distribution: 'Fedora, RHEL, CentOS',
        path: `boot/efi/EFI/*/grub${suffix}.efi`,
        package: `grub2-efi-${rpm}`,
        signed: true,
        companions: [],
      },
      ...(suse === undefined
        ? []
        : [
            {
              distribution: 'openSUSE' as const,
              path: `usr/share/efi/${suse}/grub.efi`,
              package: `grub2-${suse}-efi`,
              signed: true,
              companions: [],
            },
          ]),
    ],
  };
}

/** iPXE's own names, Debian's and Fedora's: the same programs. */
function ipxe(name: string, isArm: boolean): PackagedLoader | undefined {
  const isSnp = name.startsWith('snp') || name.includes('-snponly');
  if (/^undionly\.kk?pxe$/.test(name) || name === 'ipxe.pxe') {
    return ipxeLayouts('iPXE, BIOS', `usr/lib/ipxe/${name}`, `usr/share/ipxe/${name}`, 'x86');
  }
  if (!/^(?:ipxe|snponly)(?:-(?:snponly-)?(?:x86_64|x64|arm64|aa64))?\.efi$/.test(name)) return undefined;
  const program = isSnp ? 'snponly' : 'ipxe';
  if (isArm) {
    const fedora = `usr/share/ipxe/arm64-efi/${program}.efi`;
    return ipxeLayouts('iPXE, aa64', `usr/lib/ipxe/${program}-arm64.efi`, fedora, 'aarch64');
  }
  const fedora = `usr/share/ipxe/ipxe-${isSnp ? 'snponly-' : ''}x86_64.efi`;
  return ipxeLayouts('iPXE, x64', `usr/lib/ipxe/${program}.efi`, fedora, 'x86');
}

function ipxeLayouts(title: string, debian: string, fedora: string, images: string): PackagedLoader {
  const rest = { signed: false, companions: [] };
  return {
    title,
    layouts: [
      { distribution: 'Debian, Ubuntu', path: debian, package: 'ipxe', ...rest },
      {
        distribution: 'Fedora, RHEL, CentOS',
        path: fedora,
        package: `ipxe-bootimgs-${images}`,
        ...rest,
      },
    ],
  };
}

function companion(name: string, path: string, packageName: string, required: boolean): LoaderCompanion {
  return { name, path, package: packageName, required };
}
