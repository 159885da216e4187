import { isIP } from 'node:net';
import { parseIpv4 } from '../addr/ipv4.ts';
import type { HttpBootLocation } from '../dhcp/boot-file-choice.ts';
import { checkZone } from './check-zone.ts';
import type { Located } from './located.ts';
import { parsePath, resolvePath } from './parse-path.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawConfig } from './raw-config.ts';
import type { BootdSettings, HttpBootSettings, ListenAddress } from './settings.ts';

type Sections = Located<RawConfig>['value'];

const NOWHERE: ListenAddress = { host: '127.0.0.1', port: 0 };

/** Builds the settings of `http` and `http-boot`; they may be used only when no error was reported. */
export function parseHttpSections(
  config: Sections,
  folder: string,
  problems: ProblemList,
): Pick<BootdSettings, 'http' | 'httpBoot'> {
  const { http, 'http-boot': httpBoot, tftp } = config;
  const forAdmins = http === undefined ? undefined : parseListen(http.value.listen, problems);
  const forMachines = httpBoot === undefined ? undefined : parseListen(httpBoot.value.listen, problems);
  if (
    httpBoot !== undefined &&
    forAdmins !== undefined &&
    forAdmins.host === forMachines?.host &&
    forAdmins.port === forMachines.port
  ) {
    problems.error(httpBoot.value.listen.place, "'http' and 'http-boot' cannot share an address and port");
  }
  const tokenFile = http?.value['token-file'];
  return {
    http:
      http === undefined
        ? undefined
        : {
            listen: forAdmins ?? NOWHERE,
            tokenFile: tokenFile === undefined ? undefined : parsePath(tokenFile, folder, problems),
            hostNames: parseHostNames(http.value['host-names']?.value ?? [], problems),
          },
    httpBoot:
      httpBoot === undefined
        ? undefined
        : { listen: forMachines ?? NOWHERE, root: rootOf(httpBoot, tftp, folder, problems) },
  };
}

/** A name as it may stand in a URL (RFC 1123 section 2.1), without a port. */
const HOST_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

function parseHostNames(names: readonly Located<string>[], problems: ProblemList): readonly string[] {
  return names.map(({ value, place }) => {
    const name = value.toLowerCase();
    if (!HOST_NAME.test(name)) problems.error(place, `"${value}" is no host name like bootd.example.com`);
    return name;
  });
}

/** The files are TFTP's, unless there is a folder of HTTP's own. */
function rootOf(
  httpBoot: NonNullable<Sections['http-boot']>,
  tftp: Sections['tftp'],
  folder: string,
  problems: ProblemList,
): string | undefined {
  const { root, listen } = httpBoot.value;
  const { host } = splitListen(listen.value);
  if (host === '0.0.0.0' || host === '::') {
    problems.warn(
      listen.place,
      `'${listen.value}' serves boot files on every wire of this host; name the address of the provisioning wire`,
    );
  }
  if (root !== undefined) return parsePath(root, folder, problems);
  return tftp && resolvePath(tftp.value.root, folder);
}

/** Where HTTP clients of DHCP find the boot files; undefined where no client of IPv4 can. */
export function httpBootLocation(httpBoot: HttpBootSettings | undefined): HttpBootLocation | undefined {
  if (httpBoot === undefined) return undefined;
  const { host, port } = httpBoot.listen;
  if (host === '::' || host === '0.0.0.0') return { address: undefined, port };
  const address = parseIpv4(host);
  return address === undefined ? undefined : { address, port };
}

/** `ADDRESS:PORT`, an IPv6 address in brackets. */
function parseListen(written: Located<string>, problems: ProblemList): ListenAddress | undefined {
  const { host, port, family } = splitListen(written.value);
  if (isIP(host) === family && port >= 1 && port <= 65_535) {
    checkZone(written, host, problems);
    return { host, port };
  }
  problems.error(
    written.place,
    `'${written.value}' is no address with a port; write 127.0.0.1:8067, or [::1]:8067 for IPv6`,
  );
  return undefined;
}

function splitListen(text: string): ListenAddress & { readonly family: 4 | 6 } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  return { host, port: Number(match?.[3]), family: match?.[1] === undefined ? 4 : 6 };
}
