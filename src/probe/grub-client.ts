import { formatIpv4, formatIpv4Hex } from '../addr/ipv4.ts';
import { formatMacDashed } from '../addr/mac.ts';
import {
  stuckWithout,
  contentText,
  folderOf,
  tftpOptions,
  tftpRequest,
  type BootVerdict,
  type FileRequest,
  type LoaderFacts,
  type LoaderSteps,
} from './file-request.ts';
import { GrubMachine } from './grub-machine.ts';

const OPTIONS = tftpOptions('blksize=1024 tsize=0');

/** The lists that `normal` wants beside its modules; on a network boot they are rarely there. */
const MODULE_LISTS = ['command.lst', 'fs.lst', 'crypto.lst', 'terminal.lst'];

/** The prefix of Debian's signed image, whose built-in script goes straight to grub.cfg. */
const DEBIAN_PREFIX = '/grub';

/** A file that a script only tests is closed after the first block, and asked for again when it is read. */
const TESTED = { after: 'first-data', code: 0, message: 'closed' } as const;

/** Where GRUB was loaded from: what it asks for by a plain name comes from there too. */
interface GrubOrigin {
  /** `http://192.168.0.1`; undefined: TFTP. */
  readonly httpServer: string | undefined;
  /** Its prefix as it stands in names. Over HTTP the folder of the boot file comes first. */
  readonly prefix: string;
}

/**
 * GRUB 2.06 after the firmware or shim has loaded it: its search for a configuration in its prefix, and then what the
 * configuration makes it load.
 */
export function* runGrub(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const origin = originOf(facts);
  const { prefix } = origin;
  const own = yield* findOwnConfiguration(facts, origin);
  for (const list of MODULE_LISTS) {
    yield grubRequest(facts, origin, 'loader', `${prefix}/${platformFolder(facts)}/${list}`, {
      optional: true,
    });
  }
  const request = grubRequest(facts, origin, 'configuration', own ?? `${prefix}/grub.cfg`);
  const answer = yield request;
  if (answer.kind !== 'served')
    return stuckWithout(request, answer, 'GRUB stops at its prompt without a configuration');
  const machine = new GrubMachine(variablesOf(facts, origin), (purpose, name, tested) =>
    grubRequest(facts, origin, purpose, name, tested ? { optional: true, abort: TESTED } : {}),
  );
  return yield* machine.run(contentText(answer));
}

function originOf({ lease, grubPrefix }: LoaderFacts): GrubOrigin {
  const [, httpServer, path = ''] = /^(https?:\/\/[^/]+)(\/.*)?$/i.exec(lease.bootFile) ?? [];
  if (httpServer === undefined) return { httpServer, prefix: grubPrefix };
  return { httpServer, prefix: folderOf(path).replace(/\/$/, '') + grubPrefix };
}

/**
 * `grub.cfg-UUID` where the ACK has option 97, `grub.cfg-01-MAC`, then the address in hex with one digit less each time;
 * what is found is read once more later. Only after a boot over TFTP.
 */
function* findOwnConfiguration(facts: LoaderFacts, origin: GrubOrigin): LoaderSteps<string | undefined> {
  if (origin.httpServer !== undefined || facts.grubPrefix === DEBIAN_PREFIX) return undefined;
  const hex = formatIpv4Hex(facts.lease.address);
  const { machineUuid } = facts.lease;
  const suffixes = [
    ...(machineUuid === undefined ? [] : [machineUuid]),
    `01-${formatMacDashed(facts.machine.mac)}`,
    ...Array.from(hex, (_, at) => hex.slice(0, hex.length - at)),
  ];
  for (const suffix of suffixes) {
    const name = `${origin.prefix}/grub.cfg-${suffix}`;
    const answer = yield grubRequest(facts, origin, 'configuration', name, { optional: true });
    if (answer.kind === 'served') return name;
  }
  return undefined;
}

function grubRequest(
  facts: LoaderFacts,
  { httpServer }: GrubOrigin,
  purpose: FileRequest['purpose'],
  name: string,
  manner: { readonly optional?: boolean; readonly abort?: typeof TESTED } = {},
): FileRequest {
  const [, host, path = ''] = /^\(http,([^)]+)\)(.*)$/.exec(name) ?? [];
  const isPlain = !name.startsWith('(');
  if (host === undefined && (httpServer === undefined || !isPlain)) {
    return tftpRequest(facts, purpose, name.replace(/^\((?:tftp|pxe)[^)]*\)/, ''), OPTIONS, manner);
  }
  const url =
    host === undefined ? `${httpServer ?? ''}/${name.replace(/^\/+/, '')}` : `http://${host}${path}`;
  return { purpose, source: { kind: 'http', method: 'GET', url }, optional: manner.optional ?? false };
}

function platformFolder({ firmware }: LoaderFacts): string {
  switch (firmware) {
    case 'uefi-ia32':
      return 'i386-efi';
    case 'uefi-arm64':
      return 'arm64-efi';
    case 'uefi-x64':
    case 'uefi-http-x64':
    case 'ipxe-efi':
      return 'x86_64-efi';
    case 'bios':
    case 'bios-undi':
    case 'bootp':
    case 'ipxe':
    case 'linux':
      return 'i386-pc';
    default:
      return firmware satisfies never;
  }
}

/** What scripts ask GRUB about its network. */
function variablesOf(facts: LoaderFacts, origin: GrubOrigin): ReadonlyMap<string, string> {
  const [cpu = '', platform = ''] = platformFolder(facts).split('-');
  const server = formatIpv4(facts.lease.nextServer);
  const { httpServer } = origin;
  const device =
    httpServer === undefined ? `tftp,${server}` : `http,${httpServer.replace(/^https?:\/\//i, '')}`;
  return new Map([
    ['net_default_mac', facts.machine.mac],
    ['net_default_ip', formatIpv4(facts.lease.address)],
    ['net_default_server', server],
    ['pxe_default_server', server],
    ['net_default_boot_file', facts.lease.bootFile],
    ['net_default_next_server', server],
    ['prefix', `(${device})${origin.prefix}`],
    ['root', device],
    ['grub_cpu', cpu],
    ['grub_platform', platform],
  ]);
}
