import { parseConfig } from '../../../src/config/parse-config.ts';
import { formatConfigProblem } from '../../../src/config/config-error.ts';
import { findClasses } from '../../../src/dhcp/class-evaluation.ts';
import { chooseBootFile } from '../../../src/dhcp/boot-file-choice.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { optionOf, parameterOf, scopeChain } from '../../../src/dhcp/scope-parameters.ts';
import { hardwareClientKey } from '../../../src/dhcp/lease.ts';
import { findMachine } from '../../../src/dhcp/reservation.ts';
import { formatIpv4, parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { macToBytes, parseMac } from '../../../src/addr/mac.ts';
import { findSubnet } from '../../../src/dhcp/subnet-selection.ts';
import type { IncludedText } from '../../../src/import/dhcpd-conf-parser.ts';
import { importDhcpdConf } from '../../../src/import/dhcpd-conf-to-config.ts';
import { formatImportedConfig } from '../../../src/import/imported-config.ts';
import { formatLoss, type Loss } from '../../../src/import/loss-list.ts';
import { EMPTY_MESSAGE } from '../../../src/wire/dhcp/dhcp-message.ts';
import { optionByCode } from '../../../src/wire/dhcp/option-codes.ts';
import { formatOptionValue } from '../../../src/wire/dhcp/option-values.ts';

/** What became of a dhcpd.conf. */
export interface Imported {
  readonly yaml: string;
  readonly losses: readonly Loss[];
  /** The losses as they are listed, those of `FILE:` without the file. */
  readonly lines: readonly string[];
  /** Errors that `bootd check` would print. */
  readonly errors: readonly string[];
  readonly dhcp: DhcpSettings | undefined;
}

/** Imports a text, with other files beside it, and reads the result as bootd does. */
export function imported(
  text: string,
  file = 'dhcpd.conf',
  files: Readonly<Record<string, string>> = {},
): Imported {
  const result = importDhcpdConf(text, file, (name): IncludedText => {
    const included = files[name];
    return included === undefined
      ? { kind: 'problem', reason: `cannot read ${name}` }
      : { kind: 'text', file: name, text: included };
  });
  const { interfaces, dhcp, losses } = result;
  const yaml = formatImportedConfig({ sources: [file], interfaces, dhcp, tftp: undefined });
  const { settings, problems } = parseConfig(yaml, {
    file: 'bootd.yaml',
    folder: '/etc/bootd',
    shippedTemplates: '/templates',
  });
  return {
    yaml,
    losses,
    lines: losses.map((loss) => formatLoss(loss).replace(`${file}:`, '')),
    errors: problems.filter(({ severity }) => severity === 'error').map(formatConfigProblem),
    dhcp: settings?.dhcp,
  };
}

/** What a machine says, as far as a configuration looks at it. */
export interface Asker {
  readonly mac?: string;
  readonly options?: Readonly<Record<number, string | readonly number[]>>;
  /** The address that it is about to get. */
  readonly address: string;
}

/** What a machine is told: next-server, filename, lease times, and options by their names in dhcpd. */
export function told(dhcp: DhcpSettings | undefined, asker: Asker): Readonly<Record<string, string>> {
  if (dhcp === undefined) throw new Error('the configuration cannot be used');
  const address = ip(asker.address);
  const hardwareAddress = macToBytes(parseMac(asker.mac ?? '52:54:00:00:00:01')!);
  const chaddr = new Uint8Array(16);
  chaddr.set(hardwareAddress);
  const options = new Map(
    Object.entries(asker.options ?? {}).map(([code, value]) => [
      Number(code),
      typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value),
    ]),
  );
  const message = { ...EMPTY_MESSAGE, chaddr, options };
  const client = {
    cardKey: hardwareClientKey(message.htype, hardwareAddress),
    mac: parseMac(asker.mac ?? ''),
    clientId: options.get(61),
  };
  const machine = findMachine(client, dhcp, {
    portByMac: () => undefined,
    portByFixedAddress: () => undefined,
  } as never);
  const classes = findClasses(dhcp.classes, { message, isKnown: machine.isKnown });
  const network = dhcp.sharedNetworks.find((each) => findSubnet(address, each) !== undefined);
  const subnet = network && findSubnet(address, network);
  const selected = network && subnet && { network, subnet };
  const chain = scopeChain(dhcp, selected, machine, classes, false, address);
  const told: Record<string, string> = {};
  const file = chooseBootFile(chain, {
    architecture: undefined,
    isIpxe: false,
    isHttpClient: false,
    isPxeClient: true,
  });
  if (file.kind === 'file') told['filename'] = file.name;
  const nextServer = parameterOf(chain, 'nextServer');
  if (nextServer !== undefined) told['next-server'] = formatIpv4(nextServer);
  const seconds = parameterOf(chain, 'defaultLeaseSeconds');
  if (seconds !== undefined) told['default-lease-time'] = String(seconds);
  for (const code of new Set(chain.flatMap((scope) => [...scope.options.keys()]))) {
    const { name, type } = optionByCode(code);
    told[name] = formatOptionValue(type, optionOf(chain, code) ?? new Uint8Array(0));
  }
  return told;
}

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}
