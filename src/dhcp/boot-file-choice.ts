import type { Firmware } from '../boot/firmware.ts';
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

/**
 * Chooses by the most specific scope that has a boot file for the client: there, the file of its kind of firmware, else the
 * plain `filename`, else option 67. iPXE takes a scope's `ipxe` file first, and a binary of iPXE never; where the
 * site has nothing else for iPXE, it gets the file of its architecture like any ROM (QEMU's ROM is iPXE).
 */
export function chooseBootFile(chain: ScopeChain, firmware: Firmware): BootFileChoice {
  let withheld: string | undefined;
  for (const scope of chain) {
    const name = fileOf(scope, firmware);
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
