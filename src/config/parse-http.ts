import { isIP } from 'node:net';
import type { Located } from './located.ts';
import { parsePath } from './parse-path.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawConfig } from './raw-config.ts';
import type { BootdSettings, ListenAddress } from './settings.ts';

const NOWHERE: ListenAddress = { host: '127.0.0.1', port: 0 };

/** Builds the settings of `http` and `http-boot`; they may be used only when no error was reported. */
export function parseHttpSections(
  config: Located<RawConfig>['value'],
  folder: string,
  problems: ProblemList,
): Pick<BootdSettings, 'http' | 'httpBoot'> {
  const { http, 'http-boot': httpBoot } = config;
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
          },
    httpBoot: httpBoot === undefined ? undefined : { listen: forMachines ?? NOWHERE },
  };
}

/** `ADDRESS:PORT`, an IPv6 address in brackets. */
function parseListen(written: Located<string>, problems: ProblemList): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(written.value);
  const [host, port] = [match?.[1] ?? match?.[2] ?? '', Number(match?.[3])];
  const family = match?.[1] === undefined ? 4 : 6;
  if (isIP(host) === family && port >= 1 && port <= 65_535) return { host, port };
  problems.error(
    written.place,
    `'${written.value}' is no address with a port; write 127.0.0.1:8067, or [::1]:8067 for IPv6`,
  );
  return undefined;
}
