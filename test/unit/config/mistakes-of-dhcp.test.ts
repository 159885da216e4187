import { describe } from 'vitest';
import { expectMistakes, inDhcp, withSubnet, type Mistake } from './mistake.ts';

const ADDRESS_MISTAKES: readonly Mistake[] = [
  {
    name: 'a host name for next-server',
    text: withSubnet('next-server: boot.example.org'),
    expected: ["4:16: 'boot.example.org' is a host name; names are not looked up, write its IPv4 address"],
  },
  {
    name: 'an address that is none',
    text: withSubnet('next-server: 192.168.0.256'),
    expected: ["4:16: '192.168.0.256' is no IPv4 address"],
  },
  {
    name: 'a subnet with host bits',
    text: inDhcp('subnets:', '  - subnet: 192.168.0.1/24'),
    expected: ["4:15: '192.168.0.1/24' has host bits set; the network is 192.168.0.0/24"],
  },
  {
    name: 'what stands inside of a subnet that is wrong itself',
    text: inDhcp(
      'subnets:',
      '  - { subnet: 10.0.0.1/24, ranges: [{ range: 10.0.0.9-10.0.0.5 }], options: { router: 1 } }',
    ),
    expected: [
      "4:17: '10.0.0.1/24' has host bits set; the network is 10.0.0.0/24",
      '4:48: the range runs backwards; write 10.0.0.5-10.0.0.9',
      "4:81: unknown option 'router'; did you mean 'routers'?",
    ],
  },
  {
    name: 'a subnet with a netmask',
    text: inDhcp('subnets:', '  - subnet: 192.168.0.0/255.255.255.0'),
    expected: ["4:15: write '192.168.0.0/255.255.255.0' as 192.168.0.0/24"],
  },
  {
    name: 'a subnet in the words of dhcpd',
    text: inDhcp('subnets:', '  - subnet: 192.168.0.0 netmask 255.255.252.0'),
    expected: ["4:15: write '192.168.0.0 netmask 255.255.252.0' as 192.168.0.0/22"],
  },
  {
    name: 'a subnet that is none',
    text: inDhcp('subnets:', '  - subnet: 192.168.0.0/33'),
    expected: ["4:15: '192.168.0.0/33' is no subnet; write it as 192.168.0.0/24"],
  },
  {
    name: 'overlapping subnets, reported at the later one',
    text: inDhcp('subnets:', '  - subnet: 10.0.1.0/24', '  - subnet: 10.0.0.0/16'),
    expected: ['5:15: the subnet overlaps 10.0.1.0/24 in line 4'],
  },
  {
    name: 'a subnet that overlaps one of a shared network',
    text: inDhcp(
      'subnets: [{ subnet: 10.0.0.0/24 }]',
      'shared-networks:',
      '  - { name: wire, subnets: [{ subnet: 10.0.0.128/25 }] }',
    ),
    expected: ['5:41: the subnet overlaps 10.0.0.0/24 in line 3'],
  },
  {
    name: 'a range that runs backwards',
    text: inDhcp('subnets:', '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.9-10.0.0.5 }] }'),
    expected: ['4:48: the range runs backwards; write 10.0.0.5-10.0.0.9'],
  },
  {
    name: 'a range outside of its subnet',
    text: inDhcp('subnets:', '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.200-10.0.1.20 }] }'),
    expected: ['4:48: 10.0.1.20 is not in the subnet 10.0.0.0/24'],
  },
  {
    name: 'a range in the words of dhcpd',
    text: inDhcp('subnets:', '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.5 10.0.0.9 }] }'),
    expected: [
      "4:48: '10.0.0.5 10.0.0.9' is no range of addresses; write FIRST-LAST, such as 192.168.0.128-192.168.0.254",
    ],
  },
  {
    name: 'overlapping ranges',
    text: inDhcp(
      'subnets:',
      '  - subnet: 10.0.0.0/24',
      '    ranges:',
      '      - range: 10.0.0.5-10.0.0.50',
      '      - range: 10.0.0.50',
    ),
    expected: ['7:18: the range overlaps 10.0.0.5-10.0.0.50 in line 6'],
  },
  {
    name: 'a range with the addresses of the network itself',
    text: inDhcp('subnets:', '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.0-10.0.0.255 }] }'),
    expected: [
      '4:48: warning: the range includes 10.0.0.0, the address of the network itself',
      '4:48: warning: the range includes 10.0.0.255, the broadcast address',
    ],
  },
  {
    name: 'a shared network whose name is taken',
    text: inDhcp(
      'shared-networks:',
      '  - { name: wire, subnets: [{ subnet: 10.0.0.0/24 }] }',
      '  - { name: wire, subnets: [{ subnet: 10.0.1.0/24 }] }',
    ),
    expected: ["5:15: a shared network 'wire' is already in line 4"],
  },
  {
    name: 'a subnet whose address is broken, without a word about what would lie in it',
    text: inDhcp(
      'subnets:',
      '  - { subnet: 10.0.0.0, ranges: [{ range: 10.0.0.5-10.0.0.9 }] }',
      'reservations: [{ hardware-ethernet: 0c:c4:7a:0e:2b:6b, fixed-address: 10.0.0.5 }]',
    ),
    expected: ["4:17: '10.0.0.0' is no subnet; write it as 192.168.0.0/24"],
  },
];

const SCOPE_MISTAKES: readonly Mistake[] = [
  {
    name: 'a default above the maximum',
    text: withSubnet('default-lease-time: 7200', 'max-lease-time: 600'),
    expected: [
      '4:23: default-lease-time 7200 is above max-lease-time 600 (line 5): ' +
        'min-lease-time <= default-lease-time <= max-lease-time must hold',
    ],
  },
  {
    name: 'a minimum above the maximum',
    text: withSubnet('min-lease-time: 700', 'max-lease-time: 600'),
    expected: [
      '4:19: min-lease-time 700 is above max-lease-time 600 (line 5): ' +
        'min-lease-time <= default-lease-time <= max-lease-time must hold',
    ],
  },
  {
    name: 'a maximum of a subnet below the default of everything, which dhcpd clamps',
    text: inDhcp('default-lease-time: 600', 'subnets: [{ subnet: 10.0.0.0/24, max-lease-time: 300 }]'),
    expected: [
      '4:52: warning: max-lease-time 300 is below default-lease-time 600 (line 3): ' +
        'min-lease-time <= default-lease-time <= max-lease-time must hold; max-lease-time wins',
    ],
  },
  {
    name: 'a file name that is too long for its field',
    text: withSubnet(`filename: ${'x'.repeat(128)}`),
    expected: ["4:13: 128 octets are too long: the field 'file' of a reply holds 127"],
  },
  {
    name: 'a file name whose letters are more octets than it seems',
    text: withSubnet(`filename-by-arch: { bios: ${'ü'.repeat(64)} }`),
    expected: ["4:29: 128 octets are too long: the field 'file' of a reply holds 127"],
  },
  {
    name: 'a server name that is too long',
    text: withSubnet(`server-name: ${'x'.repeat(64)}`),
    expected: ["4:16: 64 octets are too long: the field 'sname' of a reply holds 63"],
  },
  {
    name: 'a kind of firmware that does not exist',
    text: withSubnet('filename-by-arch: { uefi-x46: a.efi }'),
    expected: ["4:23: unknown key 'uefi-x46'; did you mean 'uefi-x64'?"],
  },
  {
    name: 'a permit of dhcpd',
    text: inDhcp(
      'subnets:',
      '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.5, deny: [unknown-clients] }] }',
    ),
    expected: ["4:65: no class is called 'unknown-clients'; write unknown-machines"],
  },
  {
    name: 'a class that does not exist',
    text: inDhcp(
      'classes: [{ name: rack7, match: known }]',
      'subnets:',
      '  - { subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.5, allow: [rakc7] }] }',
    ),
    expected: ["5:66: no class is called 'rakc7'; did you mean 'rack7'?"],
  },
];

const OPTION_MISTAKES: readonly Mistake[] = [
  {
    name: 'an unknown option with a near name',
    text: withSubnet('options: { router: 10.0.0.1 }'),
    expected: ["4:14: unknown option 'router'; did you mean 'routers'?"],
  },
  {
    name: 'an unknown option without one',
    text: withSubnet('options: { frobnicate: 1 }'),
    expected: ["4:14: unknown option 'frobnicate'; define it in 'option-definitions'"],
  },
  {
    name: 'an element of a list that is no address',
    text: withSubnet('options: { routers: [10.0.0.1, 10.0.0.x] }'),
    expected: ['4:34: expected an IPv4 address such as 192.168.0.1, found "10.0.0.x"'],
  },
  {
    name: 'an integer that does not fit',
    text: withSubnet('options: { interface-mtu: 70000 }'),
    expected: ['4:29: expected a whole number from 0 to 65535, found "70000"'],
  },
  {
    name: 'an option that is computed',
    text: withSubnet('options: { dhcp-lease-time: 600 }'),
    expected: [
      "4:14: option 'dhcp-lease-time' (51) cannot be set: use 'default-lease-time' and 'max-lease-time'",
    ],
  },
  {
    name: 'one option under two names',
    text: withSubnet('options: { routers: 10.0.0.1, option-3: 10.0.0.2 }'),
    expected: ["4:33: 'option-3' and 'routers' are the same option, 3"],
  },
  {
    name: 'an option without a value',
    text: withSubnet("options: { host-name: '' }"),
    expected: ['4:25: the value is empty'],
  },
  {
    name: 'both hex and text',
    text: withSubnet('options: { option-200: { hex: ff, text: x } }'),
    expected: ['4:26: expected exactly one of the keys hex, text'],
  },
  {
    name: 'hex that is none',
    text: withSubnet('options: { option-200: { hex: xyz } }'),
    expected: ['4:26: "xyz" is not hexadecimal: write octets as e4:45:74 or e44574, in quotes'],
  },
  {
    name: 'a type that is none',
    text: withSubnet('option-definitions:', '  x: { code: 230, type: float }'),
    expected: [
      "5:27: 'float' is no type of an option; types are written as 'string', 'text', 'boolean', " +
        "'unsigned integer 16', 'ip-address', 'array of ip-address', '{ integer 8, text }' or 'encapsulate SPACE'",
    ],
  },
  {
    name: 'a code that no option can have',
    text: withSubnet('option-definitions:', '  x: { code: 255, type: text }'),
    expected: ['5:16: 255 is not between 1 and 254'],
  },
  {
    name: 'a standard name for another code',
    text: withSubnet('option-definitions:', '  routers: { code: 230, type: ip-address }'),
    expected: ["5:22: 'routers' is the name of option 3; take another name for option 230"],
  },
  {
    name: 'two names for one code',
    text: withSubnet(
      'option-definitions:',
      '  x: { code: 230, type: text }',
      '  y: { code: 230, type: text }',
    ),
    expected: ["6:16: warning: code 230 is already defined under the name 'x'"],
  },
  {
    name: 'a name that no option can have',
    text: withSubnet('option-definitions:', '  a b: { code: 230, type: text }'),
    expected: ["5:5: 'a b' cannot name an option: letters, digits, '-' and one '.' after a space"],
  },
  {
    name: 'a broken definition, without a word about its use',
    text: withSubnet('option-definitions:', '  x: { code: 230 }', 'options: { x: 1 }'),
    expected: ["5:8: the key 'type' is missing here"],
  },
  {
    name: 'a space that nothing carries',
    text: withSubnet('option-definitions:', '  S.x: { code: 1, type: text }', 'options: { S.x: hello }'),
    expected: [
      "6:14: warning: 'S.x' is never sent, since no option carries the space 's'; name it in 'vendor-option-space', " +
        "or define an option of type 'encapsulate s'",
    ],
  },
  {
    name: 'a space without options',
    text: withSubnet('vendor-option-space: S'),
    expected: ["4:24: no option of a space 'S' is defined in 'option-definitions'"],
  },
  {
    name: 'a sub-option that is too long',
    text: withSubnet(`options: { ipxe.syslogs: ${'x'.repeat(256)} }`),
    expected: ['4:28: a sub-option holds 255 octets at most, this has 256'],
  },
];

const CLASS_MISTAKES: readonly Mistake[] = [
  {
    name: 'an expression without a comparison',
    text: withSubnet('classes:', '  - { name: a, match: option user-class }'),
    expected: ["5:42: expected '=' or '!=', found the end"],
  },
  {
    name: 'an unknown option in a quoted expression',
    text: withSubnet('classes:', '  - name: a', '    match: \'option usr-class = "iPXE"\''),
    expected: ["6:22: unknown option 'usr-class'; did you mean 'user-class'?"],
  },
  {
    name: 'a fault behind escapes in double quotes',
    text: withSubnet('classes:', '  - name: a', '    match: "option user-class = \\"iPXE\\" und known"'),
    expected: ["6:44: expected 'and', 'or' or the end, found 'und'"],
  },
  {
    name: 'a fault in the second line of a folded expression',
    text: withSubnet('classes:', '  - name: a', '    match: >', '      exists user-class', '      and knwon'),
    expected: ["8:13: 'knwon' has no meaning here; text stands in double quotes"],
  },
  {
    name: 'a mixture of and and or',
    text: withSubnet('classes: [{ name: a, match: known and known or known }]'),
    expected: [
      "4:47: warning: 'a and b or c' means 'a and (b or c)', as in dhcpd; parentheses make it clear",
    ],
  },
  {
    name: 'a class whose name is taken',
    text: withSubnet('classes: [{ name: a, match: known }, { name: a, match: known }]'),
    expected: ["4:48: a class 'a' is already in line 4"],
  },
  {
    name: 'a class that is bound to no network',
    text: withSubnet('classes: [{ name: a, match: known, only-on: [10.0.0.0/24, 10.0.0.1/24] }]'),
    expected: ["4:61: '10.0.0.1/24' has host bits set; the network is 10.0.0.0/24"],
  },
  {
    name: 'a class that is bound to a network where no machine is',
    text: withSubnet('classes: [{ name: a, match: known, only-on: [10.0.0.0/8, 10.9.0.0/16] }]'),
    expected: ['4:60: warning: none of the subnets lies in 10.9.0.0/16'],
  },
  {
    name: 'a class with the name of a permit',
    text: withSubnet('classes: [{ name: bootp, match: known }]'),
    expected: ["4:21: a class cannot be called 'bootp': ranges use the word for more"],
  },
];

const RESERVATION_MISTAKES: readonly Mistake[] = [
  {
    name: 'a reservation of nobody',
    text: withSubnet('reservations: [{ fixed-address: 10.0.0.5 }]'),
    expected: [
      "4:18: the reservation names no machine: it needs 'hardware-ethernet', 'hardware' or 'client-id'",
    ],
  },
  {
    name: 'a MAC that is none, and nothing else about its reservation',
    text: withSubnet('reservations: [{ hardware-ethernet: 0c:c4:7a:0e:2b, fixed-address: 10.0.0.5 }]'),
    expected: ["4:39: '0c:c4:7a:0e:2b' is no MAC; write six octets such as 0c:c4:7a:0e:2b:6b"],
  },
  {
    name: 'one machine twice, however its MAC is written',
    text: withSubnet(
      'reservations:',
      '  - { hardware-ethernet: 0c:c4:7a:0e:2b:6b }',
      '  - { hardware-ethernet: 0C-C4-7A-E-2B-6B }',
    ),
    expected: [
      '6:28: the same hardware address is reserved in line 5; one reservation may list several addresses',
    ],
  },
  {
    name: 'one client-id twice, however it is written',
    text: withSubnet('reservations:', '  - client-id: 61:62', '  - client-id: { text: ab }'),
    expected: ['6:18: the same client-id is reserved in line 5; one reservation may list several addresses'],
  },
  {
    name: 'two kinds of hardware address',
    text: withSubnet(
      'reservations:',
      '  - { hardware-ethernet: 0c:c4:7a:0e:2b:6b, hardware: { type: 6, address: 1:2 } }',
    ),
    expected: ["5:47: give either 'hardware-ethernet' or 'hardware'"],
  },
  {
    name: 'a hardware address that is too long',
    text: withSubnet(
      'reservations:',
      `  - { hardware: { type: infiniband, address: '${Array<string>(17).fill('80').join(':')}' } }`,
    ),
    expected: [
      `5:48: '${Array<string>(17).fill('80').join(':')}' is no hardware address of 1 to 16 octets such as 0c:c4:7a`,
    ],
  },
  {
    name: 'an address outside of every subnet',
    text: withSubnet('reservations: [{ client-id: x, fixed-address: 10.9.0.5 }]'),
    expected: ['4:49: warning: 10.9.0.5 is in none of the subnets, so it is never given'],
  },
  {
    name: 'an address of two machines',
    text: withSubnet(
      'reservations:',
      '  - { client-id: x, fixed-address: 10.0.0.5 }',
      '  - { client-id: y, fixed-address: [10.0.0.6, 10.0.0.5] }',
    ),
    expected: ['6:49: warning: 10.0.0.5 is also the fixed address in line 5'],
  },
  {
    name: 'an address that a range holds as well',
    text: inDhcp(
      'subnets: [{ subnet: 10.0.0.0/24, ranges: [{ range: 10.0.0.5-10.0.0.9 }] }]',
      'reservations: [{ client-id: x, fixed-address: 10.0.0.5 }]',
    ),
    expected: ['4:49: warning: 10.0.0.5 lies in the range in line 3; the range leaves it to its machine'],
  },
  {
    name: 'a host name for a fixed address',
    text: withSubnet('reservations: [{ client-id: x, fixed-address: bm1 }]'),
    expected: ["4:49: 'bm1' is a host name; names are not looked up, write its IPv4 address"],
  },
  {
    name: 'a host name that is none',
    text: withSubnet('reservations: [{ client-id: x, host-name: bm 1 }]'),
    expected: ["4:45: 'bm 1' cannot be a host name"],
  },
];

describe.each([
  ['addresses', ADDRESS_MISTAKES],
  ['scopes', SCOPE_MISTAKES],
  ['options', OPTION_MISTAKES],
  ['classes', CLASS_MISTAKES],
  ['reservations', RESERVATION_MISTAKES],
] as const)('mistakes of %s', (_, mistakes) => {
  expectMistakes(mistakes);
});
