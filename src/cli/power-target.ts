import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { BmcPrivilege } from '../boot/node.ts';
import { systemClock } from '../io/clock.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import { SUITE_NUMBERS } from '../ipmi/cipher-suite.ts';
import {
  DEFAULT_RETRY_POLICY,
  LONGEST_KG,
  LONGEST_PASSWORD,
  LONGEST_USERNAME,
  PRIVILEGES,
  RMCP_PORT,
} from '../ipmi/ipmi-settings.ts';
import { formatPresence } from '../control/power-documents.ts';
import { BmcClient } from '../services/bmc-client.ts';
import type { BmcTarget } from '../services/bmc-connection.ts';
import { surveyBmc } from '../services/bmc-survey.ts';
import { targetOf } from '../services/bmc-target.ts';
import type { CommandContext } from './command-context.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { UsageError } from './exit-code.ts';
import { requireNode } from './node-resolution.ts';
import { ApiPower, DirectPower, type PowerDocument, type PowerPort } from './power-port.ts';

/** Which BMC is meant, when it is not that of a node. */
export interface BmcAddressOptions extends ControlOptions {
  readonly host?: string;
  readonly port?: number;
}

/** Options of every subcommand that logs in to a BMC. */
export interface PowerOptions extends BmcAddressOptions {
  readonly user?: string;
  readonly passwordFile?: string;
  readonly privilege?: BmcPrivilege;
  readonly cipherSuite?: number;
  readonly kgFile?: string;
}

/** Adds the options that say which BMC is meant, when it is not that of a node. */
export function withAddressOptions(command: Command): Command {
  return withControlOptions(command)
    .option('--host <address>', 'a BMC that belongs to no node; asked directly, without the daemon')
    .option('--port <number>', `its UDP port (default: ${RMCP_PORT})`, readPort);
}

/** Adds those and the options that say who logs in. */
export function withPowerOptions(command: Command): Command {
  return withAddressOptions(command)
    .option('--user <name>', 'its user')
    .option('--password-file <file>', 'file with the password, for `-` standard input; never an argument')
    .addOption(new Option('--privilege <level>', 'default: administrator').choices(PRIVILEGES))
    .option(
      '--cipher-suite <number>',
      `one of ${SUITE_NUMBERS.join(', ')} (default: 17 or else 3)`,
      readSuite,
    )
    .option('--kg-file <file>', 'file with the BMC key (Kg) in hexadecimal');
}

/** The BMC that the command line means: a node's, by the daemon, or one with an address of its own. */
export async function openPowerPort(
  node: string | undefined,
  options: PowerOptions,
  context: CommandContext,
): Promise<PowerPort> {
  const meant = whichBmc(node, options);
  if (meant.kind === 'host') {
    return new DirectPower(new BmcClient(directTarget(meant.host, options), DIRECT_PARTS));
  }
  return openApiPower(meant.node, options, context);
}

/** What there is at the address of the BMC that the command line means. Nobody logs in. */
export async function askPresence(
  node: string | undefined,
  options: BmcAddressOptions,
  context: CommandContext,
): Promise<PowerDocument> {
  const meant = whichBmc(node, options);
  if (meant.kind === 'node') return (await openApiPower(meant.node, options, context)).presence();
  const target = { host: meant.host, port: options.port ?? RMCP_PORT };
  return formatPresence(await surveyBmc(target, DIRECT_PARTS));
}

const DIRECT_PARTS = { retries: DEFAULT_RETRY_POLICY, clock: systemClock } as const;

/** Either a node or a host. Throws UsageError where both are given, or none. */
function whichBmc(
  node: string | undefined,
  { host }: BmcAddressOptions,
): { readonly kind: 'host'; readonly host: string } | { readonly kind: 'node'; readonly node: string } {
  if (host !== undefined) {
    if (node !== undefined) throw new UsageError(`--host and the node "${node}" cannot stand together`);
    return { kind: 'host', host };
  }
  if (node === undefined) throw new UsageError('say which node is meant, or which BMC with --host');
  return { kind: 'node', node };
}

async function openApiPower(
  node: string,
  options: BmcAddressOptions,
  context: CommandContext,
): Promise<ApiPower> {
  const client = controlClient(options, context);
  return new ApiPower(client, await requireNode(client, node));
}

/** The BMC of `--host`. Throws UsageError where something is missing or cannot be. */
export function directTarget(host: string, options: PowerOptions): BmcTarget {
  const { user, passwordFile, kgFile } = options;
  if (user === undefined || passwordFile === undefined) {
    throw new UsageError('--host wants --user and --password-file beside it');
  }
  const password = readSecret(passwordFile);
  const kg = kgFile === undefined ? undefined : readSecret(kgFile);
  if (Buffer.byteLength(user) > LONGEST_USERNAME) {
    throw new UsageError(`--user: IPMI allows ${LONGEST_USERNAME} octets`);
  }
  if (Buffer.byteLength(password) > LONGEST_PASSWORD) {
    throw new UsageError(`${passwordFile}: IPMI allows passwords of ${LONGEST_PASSWORD} octets`);
  }
  if (kg !== undefined && !/^(?:[0-9a-f]{2})+$/i.test(kg)) {
    throw new UsageError(`${kgFile ?? ''}: the BMC key must be written in hexadecimal`);
  }
  if (kg !== undefined && kg.length > 2 * LONGEST_KG) {
    throw new UsageError(`${kgFile ?? ''}: IPMI allows keys of ${LONGEST_KG} octets`);
  }
  return targetOf({
    address: host,
    port: options.port ?? RMCP_PORT,
    username: user,
    password,
    privilege: options.privilege ?? 'administrator',
    cipherSuite: options.cipherSuite,
    kg,
  });
}

/** The first line of a file. */
function readSecret(file: string): string {
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    return text.split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw ioErrorFrom(`cannot read ${file}`, error);
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError(`"${text}" is no port.`);
  }
  return port;
}

function readSuite(text: string): number {
  const suite = Number(text);
  if (/^\d{1,2}$/.test(text) && SUITE_NUMBERS.includes(suite)) return suite;
  throw new InvalidArgumentError(`bootd has ${SUITE_NUMBERS.join(', ')}.`);
}
