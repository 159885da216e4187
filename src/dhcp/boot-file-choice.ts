import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Architecture, Firmware } from '../boot/firmware.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import type { ScopeParameters } from './dhcp-settings.ts';
import type { ScopeChain } from './scope-parameters.ts';

/** The boot file for a client, or why there is none. */
export type BootFileChoice =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'none' }
  /** All there is for it is iPXE, which asks: it would load itself for ever. */
  | { readonly kind: 'withheld'; readonly name: string };

/** The usual names of iPXE's builds: `undionly.kpxe`, `ipxe.efi`, `snponly.efi`, `ipxe-x86_64.efi`, `ipxe.lkrn`. */
const IPXE_BINARY = /(?:^|\/)(?:undionly|ipxe|snponly|snp|intel)[\w.-]*\.(?:k{0,2}pxe|efi|lkrn|0)$/i;

const URL = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Whether a boot file is named by URL; UEFI HTTP boot takes nothing else. */
export function isUrl(bootFile: string): boolean {
  return URL.test(bootFile);
}

/** Where this server's own boot files are fetched over HTTP. */
export interface HttpBootLocation {
  /** Undefined: wherever this server is reached by the client. */
  readonly address: Ipv4 | undefined;
  readonly port: number;
}

/** The URL of this server's boot root, with a slash at its end; undefined where it serves nothing over HTTP. */
export function httpBootUrl(location: HttpBootLocation | undefined, server: Ipv4): string | undefined {
  if (location === undefined) return undefined;
  const port = location.port === 80 ? '' : `:${location.port}`;
  return `http://${formatIpv4(location.address ?? server)}${port}/`;
}

/**
 * Chooses by the most specific scope that has a boot file for the client: there, the file of its kind of firmware, else the
 * plain `filename`, else option 67. iPXE takes a scope's `ipxe` file first, and a binary of iPXE never; where the
 * site has nothing else for iPXE, it gets the file of its architecture like any ROM (QEMU's ROM is iPXE).
 *
 * UEFI HTTP boot takes nothing but a URL. Where this server serves its files over HTTP too (`httpRoot`), firmware that
 * has no file of its own there gets what the same architecture gets by PXE, and a name becomes a URL.
 */
export function chooseBootFile(chain: ScopeChain, firmware: Firmware, httpRoot?: string): BootFileChoice {
  let withheld: string | undefined;
  for (const scope of chain) {
    const name =
      httpRoot !== undefined && firmware.isHttpClient
        ? urlOf(scope, firmware, httpRoot)
        : fileOf(scope, firmware);
    if (name === undefined || name === '') continue;
    if (!firmware.isIpxe || !IPXE_BINARY.test(name)) return { kind: 'file', name };
    withheld ??= name;
  }
  return withheld === undefined ? { kind: 'none' } : { kind: 'withheld', name: withheld };
}

function fileOf(scope: ScopeParameters, { architecture, isIpxe }: Firmware): string | undefined {
  const { filenameByFirmware, filename } = scope;
  const ofIpxe = isIpxe ? filenameByFirmware?.ipxe : undefined;
  const ofArchitecture = architecture === undefined ? undefined : filenameByFirmware?.[architecture];
  const named = ofIpxe ?? ofArchitecture ?? filename;
  if (named !== undefined) return named;
  const option = scope.options.get(OPTION.bootfileName);
  return option && new TextDecoder().decode(option);
}

/** The architecture's kind that boots by PXE. */
const PXE_TWINS: Readonly<Partial<Record<Architecture, Architecture>>> = {
  'uefi-http-ia32': 'uefi-ia32',
  'uefi-http-x64': 'uefi-x64',
  'uefi-http-arm64': 'uefi-arm64',
};

/** A file that UEFI can start; the plain `filename` is most often pxelinux.0, which it cannot. */
const EFI_PROGRAM = /\.efi$/i;

function urlOf(scope: ScopeParameters, firmware: Firmware, httpRoot: string): string | undefined {
  const { filenameByFirmware = {} } = scope;
  const { architecture } = firmware;
  const twin = architecture === undefined ? undefined : PXE_TWINS[architecture];
  const own = architecture === undefined ? undefined : filenameByFirmware[architecture];
  const name = own ?? (twin && filenameByFirmware[twin]) ?? fileOf(scope, firmware);
  if (name === undefined || isUrl(name)) return name;
  return EFI_PROGRAM.test(name) ? httpRoot + name.replace(/^\/+/, '') : undefined;
}
