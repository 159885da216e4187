import { ipv4FromNumber } from '../addr/ipv4.ts';
import { FIRMWARE_KINDS, type FirmwareKind } from '../boot/firmware.ts';
import { parseImageLocation } from '../boot/boot-profile.ts';
import type { BootdSettings } from '../config/settings.ts';
import type { DhcpSettings, ScopeParameters } from '../dhcp/dhcp-settings.ts';
import { TftpMapping } from '../services/tftp-mapping.ts';
import { checkRequest } from '../tftp/request-policy.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';

/** A boot file that the configuration tells machines to load. */
export interface NamedBootFile {
  /** As machines are told. */
  readonly name: string;
  /** Undefined: whatever kind has no file of its own. */
  readonly firmware: FirmwareKind | undefined;
  /** Below the TFTP root, as a request for the name is understood; undefined when it would be refused. */
  readonly path: string | undefined;
}

/** What a configuration gets that names no boot file: the application note's. */
const USUAL_NAMES: readonly { readonly name: string; readonly firmware: FirmwareKind }[] = [
  { name: 'pxelinux.0', firmware: 'bios' },
  { name: 'bootx64.efi', firmware: 'uefi-x64' },
];

/** A client that no rule of a map-file treats apart: TEST-NET-1 (RFC 5737). */
const ANY_CLIENT = ipv4FromNumber(0xc0000201);

/** Every boot file of the configuration once, in every scope, with where it lies. */
export async function listBootFiles(
  settings: BootdSettings,
  tftp: TftpSettings,
): Promise<readonly NamedBootFile[]> {
  const mapping = new TftpMapping(tftp.mapFile);
  await mapping.load();
  const told = settings.dhcp === undefined ? [] : scopesOf(settings.dhcp).flatMap(namesOf);
  const files = (told.length === 0 ? USUAL_NAMES : told)
    .filter(({ name }) => !isScript(name))
    .map((file) => ({ ...file, path: pathOf(file.name, mapping, tftp) }));
  return files.filter(
    (file, at) => files.findIndex((other) => (other.path ?? other.name) === (file.path ?? file.name)) === at,
  );
}

function scopesOf(dhcp: DhcpSettings): readonly ScopeParameters[] {
  const networks = dhcp.sharedNetworks.flatMap((network) => [
    network.parameters,
    ...network.subnets.flatMap((subnet) => [
      subnet.parameters,
      ...subnet.ranges.map(({ parameters }) => parameters),
    ]),
  ]);
  return [
    dhcp.parameters,
    ...networks,
    ...dhcp.classes.map(({ parameters }) => parameters),
    ...dhcp.reservations.map(({ parameters }) => parameters),
  ];
}

function namesOf({ filename, filenameByFirmware }: ScopeParameters): readonly Omit<NamedBootFile, 'path'>[] {
  const byFirmware = FIRMWARE_KINDS.flatMap((firmware) => {
    const name = filenameByFirmware?.[firmware];
    return name === undefined ? [] : [{ name, firmware }];
  });
  return filename === undefined ? byFirmware : [{ name: filename, firmware: undefined }, ...byFirmware];
}

/** iPXE's scripts are rendered, or somebody's own. */
function isScript(name: string): boolean {
  return name === '' || /\.ipxe$/i.test(name);
}

/** A URL names the same tree that TFTP serves. */
function pathOf(name: string, mapping: TftpMapping, tftp: TftpSettings): string | undefined {
  const location = parseImageLocation(name, tftp.root);
  // URL.pathname has resolved every `..`; what is percent-encoded stays so, as no loader's name needs it.
  if (location.kind === 'url') return location.path.replace(/[?#].*$/, '').replace(/^\/+/, '');
  const mapped = mapping.apply(name, 'read', ANY_CLIENT);
  if (mapped.kind === 'refused') return undefined;
  const checked = checkRequest(mapped.name, tftp);
  return checked.kind === 'allowed' ? checked.relativePath : undefined;
}
