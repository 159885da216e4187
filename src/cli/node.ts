import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { fetchIfThere, fetchNodes, macsOf, requireNode, type NodeDocument } from './node-resolution.ts';
import { nodeSetCommand } from './node-set.ts';
import { formatRecord, formatTable, type Column } from './table.ts';

const COLUMNS: readonly Column<NodeDocument>[] = [
  { title: 'UUID', cell: (node) => textOf(node['uuid']) },
  { title: 'NAME', cell: (node) => textOf(node['name']) },
  { title: 'BOOT MODE', cell: (node) => textOf(node['boot_mode']) ?? 'any' },
  { title: 'PURPOSE', cell: (node) => textOf(node['purpose']) },
  { title: 'PORTS', cell: (node) => macsOf(node).join(' ') },
];

/** `bootd node list|show|set|rm`: the machines that bootd knows, and what they boot. */
export function nodeCommand(context: CommandContext): Command {
  const node = new Command('node').description('list, show, set and remove nodes and what they boot');
  node.addCommand(
    withControlOptions(new Command('list'))
      .description('all nodes')
      .action((options: ControlOptions) => listNodes(options, context)),
  );
  node.addCommand(
    withControlOptions(new Command('show'))
      .description('a node, what it boots, and its addresses')
      .argument('<node>', 'UUID, name, or MAC of a port')
      .action((wanted: string, options: ControlOptions) => showNode(wanted, options, context)),
  );
  node.addCommand(nodeSetCommand(context));
  node.addCommand(
    withControlOptions(new Command('rm'))
      .description('forget nodes and what they boot; files on disk serve them from then on')
      .argument('<node...>', 'UUIDs, names, or MACs of ports')
      .action((wanted: readonly string[], options: ControlOptions) => removeNodes(wanted, options, context)),
  );
  return node;
}

async function listNodes(options: ControlOptions, context: CommandContext): Promise<void> {
  const nodes = await fetchNodes(controlClient(options, context));
  if (options.json === true) context.terminal.writeLine(formatJson(nodes));
  else if (nodes.length === 0) context.terminal.writeError('No nodes.');
  else context.terminal.writeLine(formatTable(COLUMNS, nodes, context.terminal.decorated).join('\n'));
  context.finish(EXIT_CODE.done);
}

async function showNode(wanted: string, options: ControlOptions, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const path = `/v1/nodes/${await requireNode(client, wanted)}`;
  const node = recordOf((await client.get(path)).body);
  const profile = (await fetchIfThere(client, `${path}/boot-profile`))?.document;
  const addresses = listOf(recordOf((await client.get(`${path}/leases`)).body)['addresses']);
  if (options.json === true) {
    const document = { node, boot_profile: profile ?? null, addresses };
    context.terminal.writeLine(formatJson(document));
  } else {
    const lines = formatRecord([
      ...nodeFields(node),
      ...profileFields(profile),
      ['addresses', addresses.join(' ')],
    ]);
    context.terminal.writeLine(lines.join('\n'));
  }
  context.finish(EXIT_CODE.done);
}

type Fields = readonly (readonly [name: string, value: string | undefined])[];

function nodeFields(node: NodeDocument): Fields {
  return [
    ['uuid', textOf(node['uuid'])],
    ['name', textOf(node['name'])],
    ['boot mode', textOf(node['boot_mode']) ?? 'any'],
    ...(textOf(node['arch']) === undefined ? [] : [['processor', textOf(node['arch'])] as const]),
    ['purpose', textOf(node['purpose'])],
    ['managed by', textOf(node['managed_by'])],
    ...listOf(node['ports']).map((port) => ['port', portText(recordOf(port))] as const),
    ...listOf(node['dhcp_options']).map((option) => {
      const { opt_name: name, opt_value: value } = recordOf(option);
      return ['dhcp option', `${textOf(name) ?? ''} = ${textOf(value) ?? ''}`] as const;
    }),
    ...listOf(node['warnings']).map((warning) => ['warning', textOf(warning)] as const),
  ];
}

function portText(port: NodeDocument): string {
  const fixedAddress = textOf(port['fixed_address']);
  return [
    textOf(port['address']),
    ...(fixedAddress === undefined ? [] : [`fixed at ${fixedAddress}`]),
    ...(port['pxe_enabled'] === false ? ['no PXE'] : []),
    ...switchPort(recordOf(port['extra'])),
  ].join(', ');
}

/** Where the port is plugged in, as the application note has it: `on 17.100.36.110 port 1/1/5 vlan 0`. */
function switchPort(extra: NodeDocument): readonly string[] {
  const words = [
    ['on', extra['gateway_name']],
    ['port', extra['gateway_port']],
    ['vlan', extra['gateway_vlan']],
  ].flatMap(([word, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [`${String(word)} ${value}`] : [],
  );
  return words.length === 0 ? [] : [words.join(' ')];
}

function profileFields(profile: NodeDocument | undefined): Fields {
  if (profile === undefined) return [['boots', 'what is on disk for it']];
  const shared = textOf(profile['name']);
  if (shared !== undefined) return [['boots', `shared profile ${shared}`]];
  return [
    [
      'boots',
      [textOf(profile['policy']), textOf(profile['purpose'])].filter((part) => part !== undefined).join(', '),
    ],
    ['kernel', textOf(profile['kernel'])],
    ['ramdisk', textOf(profile['ramdisk'])],
    ['arguments', textOf(profile['kernel_append_params'])],
    ['template', textOf(profile['template'])],
    ...listOf(profile['warnings']).map((warning) => ['warning', textOf(warning)] as const),
  ];
}

async function removeNodes(
  wanted: readonly string[],
  options: ControlOptions,
  context: CommandContext,
): Promise<void> {
  const client = controlClient(options, context);
  const removed: string[] = [];
  for (const name of wanted) {
    const uuid = await requireNode(client, name);
    await client.delete(`/v1/nodes/${uuid}`);
    removed.push(uuid);
  }
  if (options.json === true) context.terminal.writeLine(JSON.stringify({ removed }));
  else for (const uuid of removed) context.terminal.writeLine(`node ${uuid} is gone`);
  context.finish(EXIT_CODE.done);
}
