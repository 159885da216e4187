import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { parseImageLocation } from '../boot/boot-profile.ts';
import { parseImageChecksum } from '../boot/image-checksum.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import type { BootVerdict, FileRequest } from '../probe/file-request.ts';
import { ControlError, ControlUnreachableError, type ControlClient } from './control-client.ts';
import { listOf, recordOf, textOf } from './document.ts';
import type { FetchReport } from './machine-player.ts';
import { fetchIfThere, findNode, type NodeDocument } from './node-resolution.ts';

/** A file that came, held against what the daemon would have this machine get. */
export type FileComparison =
  | { readonly kind: 'same'; readonly source: string; readonly generation: number | undefined }
  | { readonly kind: 'differs'; readonly reason: string };

/** One thing that the node's documents say, and what it came to. */
export interface NodeCheck {
  readonly what: 'address' | 'boot file' | 'boot' | 'kernel' | 'ramdisk' | 'arguments';
  readonly expected: string;
  readonly got: string;
  readonly ok: boolean;
}

/** What the daemon has been told about the machine. */
export interface ExpectedMachine {
  readonly port: NodeDocument;
  /** Undefined: the node boots from disk, of which nothing is known. */
  readonly profile: NodeDocument | undefined;
}

/**
 * Asks the daemon what it serves under this name, and compares size and digest. Undefined where that says nothing: another
 * host than bootd's was asked, or the daemon could not be.
 */
export async function compareFile(
  control: ControlClient,
  announcement: string | undefined,
  asked: { readonly request: FileRequest; readonly report: FetchReport; readonly lease: BootOffer },
  from: Ipv4,
): Promise<FileComparison | undefined> {
  const { request, report, lease } = asked;
  const { source } = request;
  if (announcement === undefined || source.kind !== 'tftp' || source.server !== lease.serverIdentifier) {
    return undefined;
  }
  const query = new URLSearchParams({ name: source.request.name, address: formatIpv4(from) });
  try {
    const { body } = await control.get(`/v1/probes/${announcement}/file?${query.toString()}`);
    return differenceOf(report, recordOf(body));
  } catch (error) {
    // An older daemon, or one that is being stopped: then there is nothing to compare with.
    if (error instanceof ControlError || error instanceof ControlUnreachableError) return undefined;
    throw error;
  }
}

function differenceOf({ answer, sha256 }: FetchReport, expected: NodeDocument): FileComparison | undefined {
  const source = textOf(expected['source']) ?? 'none';
  const octets = Number(expected['octets']);
  const path = textOf(expected['path']) ?? '';
  const generation = typeof expected['generation'] === 'number' ? expected['generation'] : undefined;
  const same: FileComparison = { kind: 'same', source, generation };
  switch (answer.kind) {
    case 'failed':
      return undefined;
    case 'refused':
      return source === 'none'
        ? same
        : {
            kind: 'differs',
            reason: `it was refused, but bootd serves ${path} (${source}, ${octets} octets)`,
          };
    case 'aborted':
      if (answer.octets === undefined || (source !== 'none' && answer.octets === octets)) return same;
      break;
    case 'served':
      if (sha256 === textOf(expected['sha256'])) return same;
  }
  if (source === 'none') return { kind: 'differs', reason: 'bootd serves nothing under this name' };
  const came = answer.octets === octets ? 'other content of the same size' : `${answer.octets ?? '?'} octets`;
  return { kind: 'differs', reason: `${came} came, but bootd serves ${path} (${source}, ${octets} octets)` };
}

/** What the daemon knows of the machine; undefined when it is no node, or cannot be asked. */
export async function readExpectations(
  control: ControlClient,
  mac: Mac,
): Promise<ExpectedMachine | undefined> {
  try {
    const uuid = await findNode(control, mac);
    const node = uuid && (await fetchIfThere(control, `/v1/nodes/${uuid}`))?.document;
    if (uuid === undefined || node === undefined) return undefined;
    const port = listOf(node['ports'])
      .map(recordOf)
      .find(({ address }) => address === mac);
    const own = (await fetchIfThere(control, `/v1/nodes/${uuid}/boot-profile`))?.document;
    const shared = own && textOf(own['name']);
    const profile =
      shared === undefined
        ? own
        : { ...(await fetchIfThere(control, `/v1/profiles/${shared}`))?.document, done_at: own?.['done_at'] };
    return port && { port, profile };
  } catch (error) {
    if (error instanceof ControlError || error instanceof ControlUnreachableError) return undefined;
    throw error;
  }
}

/** Holds what the machine came to against its node and its boot profile. */
export function checkAgainstNode(
  { port, profile }: ExpectedMachine,
  lease: BootOffer,
  verdict: BootVerdict,
  tftpRoot: string | undefined,
): readonly NodeCheck[] {
  const checks: NodeCheck[] = [];
  const check = (what: NodeCheck['what'], expected: string, got: string, ok = expected === got): void => {
    checks.push({ what, expected, got, ok });
  };
  const fixed = textOf(port['fixed_address']);
  if (fixed !== undefined) check('address', fixed, formatIpv4(lease.address));
  if (port['pxe_enabled'] === false) check('boot file', 'none', lease.bootFile || 'none');
  if (profile === undefined || port['pxe_enabled'] === false) return checks;
  const isLocalDisk =
    profile['policy'] === 'local-disk' ||
    (profile['policy'] === 'once' && textOf(profile['done_at']) !== undefined);
  if (verdict.kind !== 'kernel' && verdict.kind !== 'local-disk') return checks;
  check('boot', isLocalDisk ? 'local-disk' : 'kernel', verdict.kind);
  if (isLocalDisk || verdict.kind !== 'kernel') return checks;
  checkImage(check, 'kernel', profile, [verdict.kernel], tftpRoot);
  checkImage(check, 'ramdisk', profile, verdict.ramdisks, tftpRoot);
  const wanted = wordsOf(textOf(profile['kernel_append_params']) ?? '');
  const passed = new Set(wordsOf(verdict.parameters));
  const lost = wanted.filter((word) => !passed.has(word));
  check(
    'arguments',
    wanted.join(' '),
    lost.length === 0 ? wanted.join(' ') : verdict.parameters,
    lost.length === 0,
  );
  return checks;
}

function checkImage(
  check: (what: 'kernel' | 'ramdisk', expected: string, got: string, ok: boolean) => void,
  what: 'kernel' | 'ramdisk',
  profile: NodeDocument,
  loaded: readonly string[],
  tftpRoot: string | undefined,
): void {
  const expected = textOf(profile[what]);
  if (expected === undefined) return;
  // An image with a checksum is kept by bootd, and handed out under a name of its own.
  const wanted = placeOf(expected, tftpRoot, textOf(profile[`${what}_checksum`]));
  const places = loaded.map((name) => placeOf(name, tftpRoot));
  const isThere = places.includes(wanted) || loaded.some((name) => pathOfUrl(name) === wanted);
  check(what, expected, loaded.join(' ') || 'none', isThere);
}

/** A loader that came over HTTP fetches a path from the same server. */
function pathOfUrl(name: string): string | undefined {
  const location = parseImageLocation(name, undefined);
  return location.kind === 'url' ? location.path.replace(/^\/+(?:tftpboot\/+)*/, '') : undefined;
}

/** Whatever loaders and map-files put in front of a path. */
function placeOf(name: string, tftpRoot: string | undefined, checksum?: string): string {
  const location = parseImageLocation(name, tftpRoot, parseImageChecksum(checksum ?? ''));
  switch (location.kind) {
    case 'url':
      return location.url;
    case 'path':
    case 'cached':
      return location.path.replace(/^(?:tftpboot\/)+/, '');
    case 'invalid':
      return name;
  }
}

/** Quotes are the loader's affair and GRUB's own. */
function wordsOf(text: string): readonly string[] {
  return text
    .replaceAll('"', '')
    .split(/\s+/)
    .filter((word) => word !== '');
}
