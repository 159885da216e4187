import { Type, type Static } from '@sinclair/typebox';
import { NETWORK_KEYS, OutrightSchema, SCOPE_KEYS } from './raw-scope.ts';
import { mapOf, oneOf, oneOrMore, port, seconds, section } from './schema-terms.ts';

const Permits = (what: string) =>
  Type.Optional(
    Type.Array(Type.String(), {
      description: `${what}: names of classes, \`known-machines\`, \`unknown-machines\`, \`bootp\`.`,
      examples: [['known-machines']],
    }),
  );

const Range = section(
  {
    range: Type.String({
      description: 'The first and the last address to give away, both included; or a single one.',
      examples: ['192.168.0.128-192.168.0.254'],
    }),
    'dynamic-bootp': Type.Optional(
      Type.Boolean({
        description: 'Whether BOOTP machines, which keep their address for ever, may have one of this range.',
        default: false,
      }),
    ),
    allow: Permits('Only these may have an address of this range'),
    deny: Permits('These may not have an address of this range; wins over `allow`'),
    ...SCOPE_KEYS,
    'ping-check': NETWORK_KEYS['ping-check'],
  },
  { description: 'Addresses to give away, and what machines are told that have one of them.' },
);

const Subnet = section(
  {
    subnet: Type.String({ description: 'Network and prefix length.', examples: ['192.168.0.0/24'] }),
    ranges: Type.Optional(Type.Array(Range, { description: 'Addresses to give away on this subnet.' })),
    ...SCOPE_KEYS,
    ...NETWORK_KEYS,
  },
  { description: 'One network, and what machines on it are told.' },
);

const SharedNetwork = section(
  {
    name: Type.String({ description: 'The name of the wire, for the log.', examples: ['provisioning'] }),
    subnets: Type.Array(Subnet, { description: 'The subnets that share the wire.', minItems: 1 }),
    ...SCOPE_KEYS,
    ...NETWORK_KEYS,
  },
  { description: 'Several subnets on one wire.' },
);

const Class = section(
  {
    name: Type.String({
      description: 'The name by which ranges allow and deny it.',
      examples: ['pxe-clients'],
    }),
    match: Type.String({
      description:
        "Who belongs to it, in dhcpd's expression language: `substring`, `suffix`, `concat`, `lcase`, `ucase`, " +
        '`option NAME`, `exists NAME`, `hardware`, `packet`, `known`, `=`, `!=`, `and`, `or`, `not`.',
      examples: ['substring(option vendor-class-identifier, 0, 9) = "PXEClient"'],
    }),
    'only-on': Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'The networks on which its members are told what it says; elsewhere it only decides which ranges they may ' +
          'use. Absent: everywhere.',
        examples: [['192.168.0.0/24']],
      }),
    ),
    ...SCOPE_KEYS,
  },
  { description: 'Machines that an expression picks out, and what they are told.' },
);

const Hardware = section(
  {
    type: Type.Union(
      [
        oneOf(['ethernet', 'token-ring', 'fddi', 'infiniband'], {}),
        Type.Integer({ minimum: 1, maximum: 255 }),
      ],
      { description: "dhcpd's word for the hardware type, or its number in the IANA list." },
    ),
    address: Type.String({ description: 'The octets of the address.', examples: ['0c:c4:7a:0e:2b:6b'] }),
  },
  { description: 'A hardware address that is not an Ethernet one.' },
);

const Reservation = section(
  {
    name: Type.Optional(Type.String({ description: 'A name for the log.' })),
    'hardware-ethernet': Type.Optional(
      Type.String({ description: 'The MAC of the machine.', examples: ['0c:c4:7a:0e:2b:6b'] }),
    ),
    hardware: Type.Optional(Hardware),
    'client-id': Type.Optional(
      Type.Union([Type.String(), OutrightSchema], {
        description:
          'The client identifier (option 61), which counts before the hardware address: octets such as ' +
          '`00:4c:4c`, or text.',
      }),
    ),
    'fixed-address': Type.Optional(
      oneOrMore(Type.String(), {
        description:
          'The address that the machine always gets; of several, the one that is on its wire. Absent: the machine is ' +
          'known, and its address comes from a range.',
        examples: ['192.168.0.20'],
      }),
    ),
    'host-name': Type.Optional(
      Type.String({ description: 'Its name: option 12, unless `options` say otherwise.', examples: ['bm1'] }),
    ),
    ...SCOPE_KEYS,
  },
  { description: "A machine that this configuration knows; dhcpd's host declaration." },
);

const OptionDefinition = section(
  {
    code: Type.Integer({
      minimum: 1,
      maximum: 254,
      description: 'The code of the option, or of the sub-option.',
    }),
    type: Type.String({
      description:
        "How its value is written, in dhcpd's words: `string`, `text`, `boolean`, `unsigned integer 16` (`signed`, 8, " +
        '32), `ip-address`, `domain-list`, `array of ip-address`, `"{ integer 8, ip-address, text }"`, ' +
        '`encapsulate SPACE`.',
      examples: ['array of ip-address'],
    }),
  },
  { description: 'An option that has no name in dhcpd, or whose value is written in another way.' },
);

/** The `dhcp` section. */
export const RawDhcpSchema = section(
  {
    mode: Type.Optional(
      oneOf(['server', 'proxy'], {
        description:
          '`proxy`: give no addresses; tell PXE machines what to boot, beside a DHCP server of somebody else.',
        default: 'server',
      }),
    ),
    answer: Type.Optional(
      oneOf(['all', 'known-machines'], {
        description: '`known-machines`: silence for machines that are neither in `reservations` nor a node.',
        default: 'all',
      }),
    ),
    port: Type.Optional(port({ description: 'The port that requests come to.', default: 67 })),
    'client-port': Type.Optional(port({ description: 'The port that replies go to.', default: 68 })),
    ...SCOPE_KEYS,
    ...NETWORK_KEYS,
    'option-definitions': Type.Optional(
      mapOf(OptionDefinition, {
        description: 'Options of the site by name; `SPACE.NAME` is a sub-option of the space SPACE.',
        examples: [{ 'option-129': { code: 129, type: 'text' } }],
      }),
    ),
    'vendor-option-space': Type.Optional(
      oneOrMore(Type.String(), {
        description: 'The space, or spaces, whose sub-options option 43 carries.',
        examples: ['PXE'],
      }),
    ),
    subnets: Type.Optional(Type.Array(Subnet, { description: 'The networks that machines are served on.' })),
    'shared-networks': Type.Optional(
      Type.Array(SharedNetwork, { description: 'Wires that carry more than one subnet.' }),
    ),
    classes: Type.Optional(
      Type.Array(Class, {
        description: 'Groups of machines by what they send; of several, the first one decides.',
      }),
    ),
    reservations: Type.Optional(
      Type.Array(Reservation, {
        description: 'Machines with a fixed address, or with settings of their own.',
      }),
    ),
    'offer-hold-time': Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3600,
        description: 'Seconds for which an offered address is kept for its machine.',
        default: 120,
      }),
    ),
    'abandon-lease-time': Type.Optional(
      seconds({
        description:
          'Seconds for which an address is left alone that a machine declined or that a stranger uses.',
        default: 86_400,
      }),
    ),
  },
  { description: 'The DHCP and BOOTP server. Absent: it is off.' },
);

/** The sections and their parts as they stand in the file; what is absent stays visible as absent. */
export type RawDhcp = Static<typeof RawDhcpSchema>;
export type RawSubnet = Static<typeof Subnet>;
export type RawRange = Static<typeof Range>;
export type RawReservation = Static<typeof Reservation>;
export type RawOptionDefinition = Static<typeof OptionDefinition>;
