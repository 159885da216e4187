import { formatIpv4, parseIpv4 } from '../addr/ipv4.ts';
import { parseMac } from '../addr/mac.ts';
import type { BootPolicy, BootProfile } from '../boot/boot-profile.ts';
import type { ChecksumAlgorithm, ImageChecksum } from '../boot/image-checksum.ts';
import type { NodeBoot, ProfileAssignment, SharedProfile } from '../boot/node-registry.ts';
import type { Bmc, BmcPrivilege, BootMode, IronicDhcpOption, Node, NodeUuid, Port } from '../boot/node.ts';
import {
  asBoolean,
  asList,
  asNumber,
  asObject,
  asOneOf,
  asParsed,
  asText,
  optional,
  parseJsonObject,
} from './json-shape.ts';
import type { RecordCodec } from './record-table.ts';

/**
 * Nodes and profiles are few and people look at them, so their records are JSON: the values as they are, except that
 * addresses are written as dotted quads and what is undefined is left out.
 */

// As records, since these do not compile when a word is missing.
const BOOT_MODES = wordsOf<BootMode>({ bios: true, uefi: true });
const PRIVILEGES = wordsOf<BmcPrivilege>({ user: true, operator: true, administrator: true });
const POLICIES = wordsOf<BootPolicy>({ always: true, once: true, 'local-disk': true });
const CHECKSUMS = wordsOf<ChecksumAlgorithm>({ md5: true, sha256: true, sha512: true });
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Nodes, by UUID. */
export const nodeCodec: RecordCodec<Node> = {
  prefix: 'node/',
  version: 1,
  encode: (node) => encodeJson({ ...node, uuid: undefined, ports: node.ports.map(portToJson) }),
  decode(name, content) {
    const json = parseJsonObject(content);
    return {
      uuid: parseUuid(name),
      name: optional(json['name'], 'name', asText),
      bootMode: optional(json['bootMode'], 'bootMode', (value, field) => asOneOf(value, field, BOOT_MODES)),
      arch: optional(json['arch'], 'arch', asText),
      ports: asList(json['ports'], 'ports').map(portFromJson),
      dhcpOptions: asList(json['dhcpOptions'], 'dhcpOptions').map(optionFromJson),
      bmc: optional(json['bmc'], 'bmc', bmcFromJson),
      purpose: optional(json['purpose'], 'purpose', asText),
      managedBy: optional(json['managedBy'], 'managedBy', asText),
      generation: asNumber(json['generation'], 'generation'),
    };
  },
};

/** What each node boots, by the node's UUID. */
export const nodeBootCodec: RecordCodec<{ readonly uuid: NodeUuid; readonly boot: NodeBoot }> = {
  prefix: 'boot/',
  version: 1,
  encode: ({ boot }) => encodeJson(boot),
  decode(name, content) {
    const json = parseJsonObject(content);
    const boot = {
      assignment: assignmentFromJson(json['assignment']),
      doneAt: optional(json['doneAt'], 'doneAt', asNumber),
    };
    return { uuid: parseUuid(name), boot };
  },
};

/** Shared profiles, by name. */
export const sharedProfileCodec: RecordCodec<SharedProfile> = {
  prefix: 'profile/',
  version: 1,
  encode: ({ profile, generation }) => encodeJson({ profile, generation }),
  decode(name, content) {
    const json = parseJsonObject(content);
    const generation = asNumber(json['generation'], 'generation');
    return { name, profile: profileFromJson(json['profile'], 'profile'), generation };
  },
};

/** The highest generation of a record that was removed: one record, named `generation`. */
export const generationCodec: RecordCodec<number> = {
  prefix: 'counter/',
  version: 1,
  encode: (generation) => encodeJson({ generation }),
  decode: (_name, content) => asNumber(parseJsonObject(content)['generation'], 'generation'),
};

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function portToJson({ fixedAddress, ...port }: Port): unknown {
  return fixedAddress === undefined ? port : { ...port, fixedAddress: formatIpv4(fixedAddress) };
}

function portFromJson(value: unknown): Port {
  const json = asObject(value, 'port');
  return {
    address: asParsed(json['address'], 'port address', parseMac),
    pxeEnabled: asBoolean(json['pxeEnabled'], 'pxeEnabled'),
    fixedAddress: optional(json['fixedAddress'], 'fixedAddress', (text, name) =>
      asParsed(text, name, parseIpv4),
    ),
    extra: asObject(json['extra'], 'extra'),
  };
}

function optionFromJson(value: unknown): IronicDhcpOption {
  const json = asObject(value, 'DHCP option');
  return {
    name: asText(json['name'], 'DHCP option name'),
    value: asText(json['value'], 'DHCP option value'),
    ipVersion: asNumber(json['ipVersion'], 'ipVersion') === 6 ? 6 : 4,
  };
}

function bmcFromJson(value: unknown, name: string): Bmc {
  const json = asObject(value, name);
  return {
    address: asText(json['address'], 'bmc address'),
    port: asNumber(json['port'], 'bmc port'),
    username: asText(json['username'], 'bmc username'),
    password: asText(json['password'], 'bmc password'),
    privilege: optional(json['privilege'], 'bmc privilege', asPrivilege) ?? 'administrator',
    cipherSuite: optional(json['cipherSuite'], 'bmc cipherSuite', asNumber),
    kg: optional(json['kg'], 'bmc kg', asText),
  };
}

function asPrivilege(value: unknown, name: string): BmcPrivilege {
  return asOneOf(value, name, PRIVILEGES);
}

function assignmentFromJson(value: unknown): ProfileAssignment {
  const json = asObject(value, 'assignment');
  const kind = asOneOf(json['kind'], 'kind of assignment', ['own', 'shared'] as const);
  switch (kind) {
    case 'own':
      return { kind, profile: profileFromJson(json['profile'], 'profile') };
    case 'shared':
      return { kind, name: asText(json['name'], 'name of the shared profile') };
  }
}

function profileFromJson(value: unknown, name: string): BootProfile {
  const json = asObject(value, name);
  return {
    purpose: optional(json['purpose'], 'purpose', asText),
    kernel: optional(json['kernel'], 'kernel', asText),
    ramdisk: optional(json['ramdisk'], 'ramdisk', asText),
    ...checksumFromJson(json, 'kernelChecksum'),
    ...checksumFromJson(json, 'ramdiskChecksum'),
    kernelAppendParams: asText(json['kernelAppendParams'], 'kernelAppendParams'),
    template: optional(json['template'], 'template', asText),
    policy: asOneOf(json['policy'], 'policy', POLICIES),
  };
}

/** Absent for what has none, and in records of before there were any. */
function checksumFromJson<Key extends string>(
  json: Readonly<Record<string, unknown>>,
  key: Key,
): Partial<Record<Key, ImageChecksum>> {
  if (json[key] === undefined) return {};
  const { algorithm, digest } = asObject(json[key], key);
  const checksum = {
    algorithm: asOneOf(algorithm, key, CHECKSUMS),
    digest: asText(digest, key),
  };
  return { [key]: checksum } as Partial<Record<Key, ImageChecksum>>;
}

function wordsOf<Word extends string>(words: Readonly<Record<Word, true>>): readonly Word[] {
  return Object.keys(words) as Word[];
}

function parseUuid(text: string): NodeUuid {
  if (UUID.test(text)) return text as NodeUuid;
  throw new TypeError('its key is no UUID');
}
