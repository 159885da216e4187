import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseIpv4 } from '../addr/ipv4.ts';
import { parseMac } from '../addr/mac.ts';
import { BOOT_POLICIES } from '../boot/boot-profile.ts';
import { parseNodeUuid, type NodeUuid } from '../boot/node.ts';
import type { CommandContext } from './command-context.ts';
import type { ControlClient, Precondition } from './control-client.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { fetchIfThere, findNode, type NodeDocument } from './node-resolution.ts';

/** What a profile names by URL is fetched before the answer comes. */
const FETCHING_TIMEOUT_MS = 1_800_000;

interface NodeSetOptions extends ControlOptions {
  readonly name?: string;
  readonly mac?: readonly NodeDocument[];
  readonly bootMode?: 'bios' | 'uefi' | 'any';
  readonly arch?: string;
  readonly kernel?: string;
  readonly ramdisk?: string;
  readonly kernelChecksum?: string;
  readonly ramdiskChecksum?: string;
  readonly append?: string;
  readonly template?: string;
  readonly policy?: string;
  readonly purpose?: string;
  readonly profile?: string;
  readonly bootProfile: boolean;
}

/** `bootd node set`: says only what is to change; the rest of the node stays as it is. */
export function nodeSetCommand(context: CommandContext): Command {
  return withControlOptions(new Command('set'))
    .description('create a node, or change what is named; the rest of it stays')
    .argument('<node>', 'UUID, or name; a new name gets a random UUID')
    .option('--name <name>', 'what people call it')
    .option('--mac <port>', 'MAC of a port, or MAC=ADDRESS to fix its address; once for each port', readPort)
    .addOption(
      new Option('--boot-mode <mode>', 'how it is declared to boot').choices(['bios', 'uefi', 'any']),
    )
    .option('--arch <arch>', 'its processor: x86_64, aarch64, ..., or any')
    .option('--kernel <path|url>', 'what it boots: path below the TFTP root, or URL')
    .option('--ramdisk <path|url>')
    .option('--kernel-checksum <sum>', 'sha256:HEX of a kernel by URL: bootd fetches it and serves it itself')
    .option('--ramdisk-checksum <sum>')
    .option('--append <arguments>', 'kernel arguments')
    .option('--template <name>', 'template of its boot files')
    .addOption(new Option('--policy <policy>', 'when that is booted').choices(BOOT_POLICIES))
    .option('--purpose <word>', 'deploy, rescue, instance, ...')
    .option('--profile <name>', 'boot a shared profile instead')
    .option('--no-boot-profile', 'boot what is on disk for it')
    .action((wanted: string, options: NodeSetOptions) => setNode(wanted, options, context));
}

async function setNode(wanted: string, options: NodeSetOptions, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const changes = nodeChanges(options);
  const profile = profileChanges(options);
  const found = await findNode(client, wanted);
  const uuid = found ?? newUuid();
  const before = found === undefined ? undefined : await fetchIfThere(client, `/v1/nodes/${uuid}`);
  const name = found === undefined ? newName(wanted) : {};
  if (before === undefined || Object.keys(changes).length > 0) {
    await writeNode(client, uuid, before, { ...name, ...changes }, context);
  }
  await putProfile(client, uuid, profile, options, context);
  const after = {
    node: recordOf((await client.get(`/v1/nodes/${uuid}`)).body),
    boot_profile: (await fetchIfThere(client, `/v1/nodes/${uuid}/boot-profile`))?.document ?? null,
  };
  if (options.json === true) context.terminal.writeLine(formatJson(after));
  else context.terminal.writeLine(`node ${uuid} is in effect and on disk`);
  context.finish(EXIT_CODE.done);
}

function newUuid(): NodeUuid {
  const uuid = parseNodeUuid(randomUUID());
  if (uuid === undefined) throw new Error('crypto.randomUUID() gave no UUID');
  return uuid;
}

/** A node that is created by a word is called so. */
function newName(wanted: string): NodeDocument {
  if (parseMac(wanted) !== undefined) {
    throw new UsageError(
      `no node has a port ${wanted}; a new node wants a UUID or a name, and --mac ${wanted}`,
    );
  }
  return { name: wanted };
}

function nodeChanges(options: NodeSetOptions): NodeDocument {
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.bootMode === undefined
      ? {}
      : { boot_mode: options.bootMode === 'any' ? null : options.bootMode }),
    ...(options.arch === undefined ? {} : { arch: options.arch === 'any' ? null : options.arch }),
    ...(options.mac === undefined ? {} : { ports: options.mac }),
  };
}

/** The ports so far and one more: together they take the place of those that the node had. */
function readPort(text: string, before: readonly NodeDocument[] = []): readonly NodeDocument[] {
  const [mac = '', address] = text.split('=');
  if (parseMac(mac) === undefined) throw new InvalidArgumentError(`"${mac}" is no MAC.`);
  if (address !== undefined && parseIpv4(address) === undefined) {
    throw new InvalidArgumentError(`"${address}" is no IPv4 address.`);
  }
  return [...before, { address: mac, ...(address === undefined ? {} : { fixed_address: address }) }];
}

function profileChanges(options: NodeSetOptions): NodeDocument {
  const own = {
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
    ...(options.ramdisk === undefined ? {} : { ramdisk: options.ramdisk }),
    ...(options.kernelChecksum === undefined ? {} : { kernel_checksum: options.kernelChecksum }),
    ...(options.ramdiskChecksum === undefined ? {} : { ramdisk_checksum: options.ramdiskChecksum }),
    ...(options.append === undefined ? {} : { kernel_append_params: options.append }),
    ...(options.template === undefined ? {} : { template: options.template }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.purpose === undefined ? {} : { purpose: options.purpose }),
  };
  const hasOwn = Object.keys(own).length > 0;
  if (options.profile !== undefined && hasOwn) {
    throw new UsageError('--profile names a shared profile, which says kernel, ramdisk and the rest itself');
  }
  if (!options.bootProfile && (hasOwn || options.profile !== undefined)) {
    throw new UsageError('--no-boot-profile cannot stand beside what is to be booted');
  }
  return options.profile === undefined ? own : { name: options.profile };
}

/** What is there is patched, so that its BMC, which nobody is ever shown, stays. */
async function writeNode(
  client: ControlClient,
  uuid: NodeUuid,
  before: { readonly document: NodeDocument; readonly etag: string | undefined } | undefined,
  changes: NodeDocument,
  context: CommandContext,
): Promise<void> {
  const path = `/v1/nodes/${uuid}`;
  const { body } =
    before === undefined
      ? await client.put(path, { ports: [], ...changes }, preconditionFor(before))
      : await client.patch(path, changes, preconditionFor(before));
  warnOf(body, context);
}

/** What an answer has to say about what was taken. */
function warnOf(body: unknown, { terminal }: CommandContext): void {
  for (const warning of listOf(recordOf(body)['warnings'])) {
    terminal.writeError(`warning: ${textOf(warning) ?? ''}`);
  }
}

async function putProfile(
  client: ControlClient,
  uuid: NodeUuid,
  changes: NodeDocument,
  options: NodeSetOptions,
  context: CommandContext,
): Promise<void> {
  const path = `/v1/nodes/${uuid}/boot-profile`;
  if (!options.bootProfile) await client.delete(path);
  if (Object.keys(changes).length === 0) return;
  const before = await fetchIfThere(client, path);
  const isShared = before !== undefined && textOf(before.document['name']) !== undefined;
  const kept = before === undefined || isShared || options.profile !== undefined ? {} : before.document;
  // The tag is the node's, which is there in any case; a boot profile of its own may not be.
  const { body } = await client.put(
    path,
    { ...kept, ...checksumsThatGo(kept, changes), ...changes },
    before === undefined ? {} : preconditionFor(before),
    FETCHING_TIMEOUT_MS,
  );
  warnOf(body, context);
}

/** What is booted instead of an image by URL does not have that image's checksum. */
function checksumsThatGo(kept: NodeDocument, changes: NodeDocument): NodeDocument {
  const going = ['kernel', 'ramdisk'].filter(
    (part) => part in changes && textOf(kept[`${part}_checksum`]) !== undefined,
  );
  return Object.fromEntries(going.map((part) => [`${part}_checksum`, null]));
}

/** Nothing of what somebody else did meanwhile is overwritten unseen. */
function preconditionFor(before: { readonly etag: string | undefined } | undefined): Precondition {
  if (before === undefined) return { 'if-none-match': '*' };
  return before.etag === undefined ? {} : { 'if-match': before.etag };
}
