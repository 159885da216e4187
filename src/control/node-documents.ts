import { Type, type Static } from '@sinclair/typebox';
import { formatIpv4, parseIpv4 } from '../addr/ipv4.ts';
import { parseMac, type Mac } from '../addr/mac.ts';
import type { Bmc, BmcPrivilege, IronicDhcpOption, Node, NodeUuid, Port } from '../boot/node.ts';
import type { NodeDraft, NodeFields } from '../boot/node-registry.ts';
import { SUITE_NUMBERS } from '../ipmi/cipher-suite.ts';
import { LONGEST_KG, LONGEST_PASSWORD, LONGEST_USERNAME, PRIVILEGES } from '../ipmi/ipmi-settings.ts';
import type { PowerView } from './power-commands.ts';
import { formatPowerView, PowerViewSchema } from './power-documents.ts';
import { ProblemError, type ProblemDetail } from './problem.ts';
import { RMCP_PORT } from '../ipmi/ipmi-settings.ts';
import { nullable } from './schema-terms.ts';

const MAC_PATTERN = '^[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}$';
/** Ironic takes the characters that need no escape in a URL (RFC 3986 section 2.3). */
const NAME_PATTERN = '^[A-Za-z0-9._~-]+$';
const WORD_PATTERN = '^[A-Za-z0-9._-]+$';

const PortSchema = Type.Object(
  {
    address: Type.String({ pattern: MAC_PATTERN, description: 'MAC of the network interface.' }),
    pxe_enabled: Type.Optional(
      Type.Boolean({ default: true, description: 'False: the port gets an address, but no boot file.' }),
    ),
    fixed_address: Type.Optional(
      nullable(Type.String({ description: 'IPv4 address that is reserved for this port.' })),
    ),
    extra: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "Ironic's `extra`, kept as it is; `client-id` is the DHCP client identifier.",
      }),
    ),
  },
  { additionalProperties: false, description: 'One network interface of a node.' },
);

const DhcpOptionSchema = Type.Object(
  {
    opt_name: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Code, tagged code (`tag:ipxe,67`, `!175,67`) or name, as Ironic passes it.',
    }),
    opt_value: Type.String({ maxLength: 4096 }),
    ip_version: Type.Optional(Type.Union([Type.Literal(4), Type.Literal(6)], { default: 4 })),
  },
  { additionalProperties: false },
);

const BmcSchema = Type.Object(
  {
    address: Type.String({ minLength: 1, maxLength: 255 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, default: RMCP_PORT })),
    username: Type.String({ maxLength: LONGEST_USERNAME }),
    password: Type.String({
      maxLength: LONGEST_PASSWORD,
      description: `At most ${LONGEST_PASSWORD} octets, as IPMI 2.0 has it.`,
    }),
    privilege: Type.Optional(
      Type.Unsafe<BmcPrivilege>({
        type: 'string',
        enum: [...PRIVILEGES],
        default: 'administrator',
        description: 'What sessions may do; `operator` is enough for power and boot device.',
      }),
    ),
    cipher_suite: Type.Optional(
      nullable(
        Type.Unsafe<number>({
          type: 'integer',
          enum: [...SUITE_NUMBERS],
          description: 'The cipher suite to use; null: 17 or else 3, the best that the BMC has.',
        }),
      ),
    ),
    kg: Type.Optional(
      nullable(
        Type.String({
          pattern: `^(?:[0-9A-Fa-f]{2}){1,${LONGEST_KG}}$`,
          description: 'The BMC key (Kg), in hexadecimal.',
        }),
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'How to reach the management controller. Never returned.',
  },
);

/** The body of `PUT /v1/nodes/{uuid}`. */
export const NodePutSchema = Type.Object(
  {
    uuid: Type.Optional(
      Type.String({ description: 'May stand here as it does in an answer; must be that of the path.' }),
    ),
    generation: Type.Optional(
      Type.Integer({
        description: 'May stand here as it does in an answer, and is not looked at; use If-Match.',
      }),
    ),
    warnings: Type.Optional(Type.Unknown({ description: 'Not looked at.' })),
    name: Type.Optional(nullable(Type.String({ pattern: NAME_PATTERN, maxLength: 255 }))),
    boot_mode: Type.Optional(nullable(Type.Union([Type.Literal('bios'), Type.Literal('uefi')]))),
    arch: Type.Optional(
      nullable(
        Type.String({
          pattern: WORD_PATTERN,
          maxLength: 32,
          description: "The processor as Ironic's `cpu_arch` names it: x86_64, aarch64, i686.",
        }),
      ),
    ),
    ports: Type.Array(PortSchema, { maxItems: 256 }),
    dhcp_options: Type.Optional(Type.Array(DhcpOptionSchema, { maxItems: 256 })),
    bmc: Type.Optional(nullable(BmcSchema)),
    purpose: Type.Optional(
      nullable(
        Type.String({
          pattern: WORD_PATTERN,
          maxLength: 64,
          description: 'What the node was last prepared for (deploy, clean, rescue, ...); shown to people.',
        }),
      ),
    ),
    power: Type.Optional(
      Type.Unknown({ description: 'May stand here as it does in an answer, and is not looked at.' }),
    ),
    managed_by: Type.Optional(
      nullable(
        Type.String({
          pattern: WORD_PATTERN,
          maxLength: 64,
          description: 'Which program keeps this node up to date, `ironic` for one; null: an admin.',
        }),
      ),
    ),
  },
  { additionalProperties: false, description: 'A node; what is left out is gone after a PUT.' },
);

export type NodePutDocument = Static<typeof NodePutSchema>;

/** The body of `PATCH /v1/nodes/{uuid}`: a merge patch (RFC 7396) of the document's own members. */
export const NodePatchSchema = Type.Partial(
  Type.Omit(NodePutSchema, ['uuid', 'generation', 'power', 'warnings']),
  {
    additionalProperties: false,
    description: 'What is to change; the rest stays, the BMC too. A member that is null is taken away.',
  },
);

export type NodePatchDocument = Static<typeof NodePatchSchema>;

/** A node in an answer: all of it but the BMC. */
export const NodeSchema = Type.Object(
  {
    uuid: Type.String(),
    generation: Type.Integer({
      description: 'Rises with each change of the node or its boot profile; the ETag.',
    }),
    name: nullable(Type.String()),
    boot_mode: nullable(Type.Union([Type.Literal('bios'), Type.Literal('uefi')])),
    ports: Type.Array(
      Type.Object({
        address: Type.String(),
        pxe_enabled: Type.Boolean(),
        fixed_address: nullable(Type.String()),
        extra: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
    dhcp_options: Type.Array(
      Type.Object({
        opt_name: Type.String(),
        opt_value: Type.String(),
        ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
      }),
    ),
    arch: nullable(Type.String()),
    purpose: nullable(Type.String()),
    managed_by: nullable(Type.String()),
    warnings: Type.Array(Type.String(), {
      description: 'What is legal, and does not come to what it says: an option that cannot be read.',
    }),
    power: nullable(PowerViewSchema),
  },
  { description: 'A node, without its BMC.' },
);

export type NodeDocument = Static<typeof NodeSchema>;

/** Reads changes of a node that have passed the schema. Throws ProblemError for what a schema cannot say. */
export function parseNodePatch(document: NodePatchDocument): NodeFields {
  const errors: ProblemDetail[] = [];
  const fields: NodeFields = {
    ...('name' in document && { name: document.name ?? undefined }),
    ...('boot_mode' in document && { bootMode: document.boot_mode ?? undefined }),
    ...('arch' in document && { arch: document.arch ?? undefined }),
    ...(document.ports !== undefined && { ports: parsePorts(document.ports, errors) }),
    ...(document.dhcp_options !== undefined && {
      dhcpOptions: document.dhcp_options.map(parseDhcpOption),
    }),
    ...('bmc' in document && { bmc: document.bmc ? parseBmc(document.bmc, errors) : undefined }),
    ...('purpose' in document && { purpose: document.purpose ?? undefined }),
    ...('managed_by' in document && { managedBy: document.managed_by ?? undefined }),
  };
  if (errors.length > 0) throw unusableNode(errors);
  return fields;
}

/** Reads a node that has passed the schema. Throws ProblemError for what a schema cannot say. */
export function parseNodeDocument(uuid: NodeUuid, document: NodePutDocument): NodeDraft {
  const errors: ProblemDetail[] = [];
  if (document.uuid !== undefined && document.uuid.toLowerCase() !== uuid) {
    errors.push({ pointer: '/uuid', detail: `is not the one of the path, ${uuid}` });
  }
  const ports = parsePorts(document.ports, errors);
  const bmc = document.bmc ? parseBmc(document.bmc, errors) : undefined;
  if (errors.length > 0) throw unusableNode(errors);
  return {
    uuid,
    name: document.name ?? undefined,
    bootMode: document.boot_mode ?? undefined,
    arch: document.arch ?? undefined,
    ports,
    dhcpOptions: (document.dhcp_options ?? []).map(parseDhcpOption),
    bmc,
    purpose: document.purpose ?? undefined,
    managedBy: document.managed_by ?? undefined,
  };
}

function unusableNode(errors: readonly ProblemDetail[]): ProblemError {
  return new ProblemError('invalid-value', 'The node cannot be taken as it is', errors);
}

function parsePorts(documents: NodePutDocument['ports'], errors: ProblemDetail[]): readonly Port[] {
  const seen = new Set<Mac>();
  const ports: Port[] = [];
  for (const [index, document] of documents.entries()) {
    const address = parseMac(document.address);
    if (address === undefined || seen.has(address)) {
      const detail = address === undefined ? 'is no MAC' : 'stands twice in this node';
      errors.push({ pointer: `/ports/${index}/address`, detail });
      continue;
    }
    seen.add(address);
    const fixedText = document.fixed_address ?? undefined;
    const fixedAddress = fixedText === undefined ? undefined : parseIpv4(fixedText);
    const pointer = `/ports/${index}/fixed_address`;
    if (fixedText !== undefined && fixedAddress === undefined) {
      errors.push({ pointer, detail: 'is no IPv4 address' });
    } else if (fixedAddress !== undefined && ports.some((port) => port.fixedAddress === fixedAddress)) {
      errors.push({ pointer, detail: 'stands twice in this node' });
    }
    const pxeEnabled = document.pxe_enabled ?? true;
    ports.push({ address, pxeEnabled, fixedAddress, extra: document.extra ?? {} });
  }
  return ports;
}

function parseDhcpOption(document: Static<typeof DhcpOptionSchema>): IronicDhcpOption {
  return { name: document.opt_name, value: document.opt_value, ipVersion: document.ip_version ?? 4 };
}

function parseBmc(document: Static<typeof BmcSchema>, errors: ProblemDetail[]): Bmc {
  const { address, port, username, password, privilege, cipher_suite: cipherSuite, kg } = document;
  // The schema counts characters, IPMI octets.
  for (const [name, value, most] of [
    ['username', username, LONGEST_USERNAME],
    ['password', password, LONGEST_PASSWORD],
  ] as const) {
    const { length } = new TextEncoder().encode(value);
    if (length > most)
      errors.push({ pointer: `/bmc/${name}`, detail: `has ${length} octets; IPMI allows ${most}` });
  }
  return {
    address,
    port: port ?? RMCP_PORT,
    username,
    password,
    privilege: privilege ?? 'administrator',
    cipherSuite: cipherSuite ?? undefined,
    kg: kg ?? undefined,
  };
}

/** The node as the API shows it, with its power as it was last seen and what is to be said about it. */
export function formatNodeDocument(
  node: Node,
  power: PowerView | undefined,
  warnings: readonly string[],
): NodeDocument {
  return {
    uuid: node.uuid,
    generation: node.generation,
    name: node.name ?? null,
    boot_mode: node.bootMode ?? null,
    ports: node.ports.map((port) => ({
      address: port.address,
      pxe_enabled: port.pxeEnabled,
      fixed_address: port.fixedAddress === undefined ? null : formatIpv4(port.fixedAddress),
      extra: port.extra,
    })),
    dhcp_options: node.dhcpOptions.map((option) => ({
      opt_name: option.name,
      opt_value: option.value,
      ip_version: option.ipVersion,
    })),
    arch: node.arch ?? null,
    purpose: node.purpose ?? null,
    managed_by: node.managedBy ?? null,
    warnings: [...warnings],
    power: power === undefined ? null : formatPowerView(power),
  };
}
