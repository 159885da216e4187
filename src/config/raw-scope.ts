import { Type, type Static } from '@sinclair/typebox';
import { FIRMWARE_KINDS, type FirmwareKind } from '../boot/firmware.ts';
import { formatOptionType } from '../wire/dhcp/option-types.ts';
import { namedOptions } from '../wire/dhcp/option-codes.ts';
import { mapOf, seconds, section } from './schema-terms.ts';

const SCALAR = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

/** Octets that are said outright, whatever the type. */
export const OutrightSchema = section(
  {
    hex: Type.Optional(Type.String({ description: 'The octets: `e4:45:74` or `e44574`.' })),
    text: Type.Optional(Type.String({ description: 'The text, whose UTF-8 octets are sent.' })),
  },
  { minProperties: 1, maxProperties: 1 },
);

/** The value of an option, read by the option's declared type. */
export const OptionValueSchema = Type.Union([
  Type.String(),
  Type.Number(),
  Type.Boolean(),
  Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(SCALAR)])),
  OutrightSchema,
]);

export type RawOptionValue = Static<typeof OptionValueSchema>;

/** The names of standard options are in the schema, so that editors complete them. */
const OPTION_NAMES = Object.fromEntries(
  namedOptions().map(({ name, code, type, rfc }) => {
    const origin = rfc === undefined ? '' : `, RFC ${rfc}`;
    return [
      name,
      { ...OptionValueSchema, description: `Option ${code}${origin}: ${formatOptionType(type)}` },
    ];
  }),
);

/** Options of one scope by name. */
export const OptionsSchema = mapOf(OptionValueSchema, {
  properties: OPTION_NAMES,
  description:
    'DHCP options by name: a standard name of dhcpd, one of `option-definitions`, `SPACE.NAME` for a sub-option, or ' +
    '`option-NNN`. The value is read by the declared type; `{ hex: ... }` and `{ text: ... }` say outright what is sent.',
  examples: [{ routers: '192.168.0.1', 'domain-name-servers': ['192.168.0.2', '192.168.0.3'] }],
});

const FIRMWARE_WORDS: Readonly<Record<FirmwareKind, string>> = {
  bios: 'PC BIOS (option 93 says 0).',
  'uefi-ia32': '32-bit x86 UEFI (6).',
  'uefi-x64': '64-bit x86 UEFI (7, or 9 as the IANA list has it).',
  'uefi-arm32': '32-bit ARM UEFI (10).',
  'uefi-arm64': '64-bit ARM UEFI (11).',
  'uefi-http-ia32': '32-bit x86 UEFI that boots over HTTP (15); a URL.',
  'uefi-http-x64': '64-bit x86 UEFI that boots over HTTP (16); a URL.',
  'uefi-http-arm64': '64-bit ARM UEFI that boots over HTTP (19); a URL.',
  ipxe: 'iPXE itself, whatever it was loaded by: a script, as a rule by its URL; never an iPXE binary.',
};

/** A boot file for each kind of firmware. */
export const FilenameByArchSchema = section(
  Object.fromEntries(
    FIRMWARE_KINDS.map((kind) => [kind, Type.Optional(Type.String({ description: FIRMWARE_WORDS[kind] }))]),
  ),
  {
    description:
      'Boot file by the client architecture of option 93; `ipxe` is for iPXE itself, a script as a rule. A kind that ' +
      'is absent gets `filename`.',
    examples: [{ 'uefi-x64': 'bootx64.efi', ipxe: 'http://192.168.0.1:8080/boot.ipxe' }],
  },
);

/** What every scope may say. */
export const SCOPE_KEYS = {
  options: Type.Optional(OptionsSchema),
  'next-server': Type.Optional(
    Type.String({
      description:
        'The TFTP server that the boot file comes from: siaddr. An IPv4 address; names are not looked up. Absent: ' +
        '0.0.0.0, as dhcpd sends.',
      examples: ['192.168.0.1'],
    }),
  ),
  'server-identifier': Type.Optional(
    Type.String({
      description:
        'The address by which this server names itself (option 54) and from which it sends. Default: the address of ' +
        'the interface that the request came in by.',
      examples: ['192.168.0.1'],
    }),
  ),
  'server-name': Type.Optional(
    Type.String({ description: 'The `sname` field of the reply, 63 octets at most.', examples: ['bootd'] }),
  ),
  filename: Type.Optional(
    Type.String({
      description: 'The boot file: the `file` field of the reply, 127 octets at most.',
      examples: ['/pxelinux.0'],
    }),
  ),
  'filename-by-arch': Type.Optional(FilenameByArchSchema),
  'default-lease-time': Type.Optional(
    seconds({
      description: "Seconds of a lease for a machine that asks for no time. dhcpd's default: 43200.",
      examples: [600],
    }),
  ),
  'min-lease-time': Type.Optional(
    seconds({
      description: 'Seconds that a lease lasts at least. Default: 300, or the maximum if that is lower.',
    }),
  ),
  'max-lease-time': Type.Optional(
    seconds({ description: "Seconds that a lease lasts at most. dhcpd's default: 86400.", examples: [7200] }),
  ),
  'allow-booting': Type.Optional(
    Type.Boolean({ description: 'Whether machines are answered at all. Default: true.' }),
  ),
  'allow-bootp': Type.Optional(
    Type.Boolean({ description: 'Whether BOOTP requests are answered. Default: true.' }),
  ),
  'ignore-client-uids': Type.Optional(
    Type.Boolean({
      description:
        'Know machines by their hardware address only, so that firmware and operating system share one lease ' +
        'whatever client identifiers they send. Default: false.',
    }),
  ),
};

/** What scopes of a whole network may say besides. */
export const NETWORK_KEYS = {
  authoritative: Type.Optional(
    Type.Boolean({
      description:
        'Whether this server knows which addresses are right on this wire, and refuses wrong ones with DHCPNAK. ' +
        'Default: false, as in dhcpd.',
    }),
  ),
  'ping-check': Type.Optional(
    Type.Boolean({
      description:
        'Ask whether anybody answers on a free address before offering it; the wait of a second holds up nobody else. ' +
        'Default: true.',
    }),
  ),
};

export type RawScope = {
  readonly [Key in keyof typeof SCOPE_KEYS]?: Static<(typeof SCOPE_KEYS)[Key]>;
} & {
  readonly [Key in keyof typeof NETWORK_KEYS]?: Static<(typeof NETWORK_KEYS)[Key]>;
};
