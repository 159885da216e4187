import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import { expectMistakes, inDhcp, problemsOf, SOURCE, withSubnet, type Mistake } from './mistake.ts';

const YAML_MISTAKES: readonly Mistake[] = [
  {
    name: 'a tab as indentation',
    text: 'dhcp:\n\tauthoritative: true\n',
    expected: ['2:1: not valid YAML: a tab stands in the indentation; YAML indents with spaces'],
  },
  {
    name: 'a bracket that is not closed',
    text: 'interfaces: [eth0\ntftp:\n  root: /srv\n',
    expected: [
      '2:1: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
  {
    name: 'a quote that is not closed',
    text: 'interfaces: [eth0]\nstate-directory: "/var\n',
    expected: ['3:1: not valid YAML: missing closing "quote'],
  },
  {
    name: 'two colons in a line',
    text: 'state-directory: a: b\n',
    expected: ['1:18: not valid YAML: nested mappings are not allowed in compact mappings'],
  },
  {
    name: 'two documents',
    text: 'tftp: { root: /srv }\n---\nhttp: {}\n',
    expected: ['2:1: a second YAML document begins here; the file must hold one'],
  },
  {
    name: 'a key that stands twice',
    text: 'log-level: info\nhttp-boot: { listen: 10.0.0.1:80, root: /srv }\nlog-level: debug\n',
    expected: ["3:1: the key 'log-level' stands here twice, first in line 1"],
  },
  {
    name: 'an alias of nothing',
    text: 'http-boot: { listen: *nowhere }\n',
    expected: ["1:22: nothing above is marked '&nowhere'"],
  },
  {
    name: 'an alias of nothing in a list',
    text: 'http-boot: { listen: 10.0.0.1:80, root: /srv }\ninterfaces: [eth0, *nowhere]\n',
    expected: ["2:20: nothing above is marked '&nowhere'"],
  },
  {
    name: 'a merge of something that is no mapping',
    text: 'http-boot:\n  <<: 5\n  listen: 10.0.0.1:80\n  root: /srv\n',
    expected: ["2:3: '<<' takes a mapping, as a rule an alias of one: <<: *name"],
  },
  {
    name: 'a list as a key',
    text: 'http-boot: { listen: 10.0.0.1:80, root: /srv }\n? [a, b]\n: 1\n',
    expected: ['2:3: a key must be a plain word'],
  },
  {
    name: 'a list at the top',
    text: '- dhcp\n- tftp\n',
    expected: ['1:1: expected a mapping, found a list'],
  },
  { name: 'text at the top', text: '\n  hello\n', expected: ["2:3: expected a mapping, found 'hello'"] },
  {
    name: 'a tag that YAML does not have',
    text: 'log-level: !loud info\n',
    expected: ['1:12: not valid YAML: unresolved tag: !loud'],
  },
  {
    name: 'a byte order mark, which does not move the columns',
    text: '\uFEFFlog-levle: info\n',
    expected: ["1:1: unknown key 'log-levle'; did you mean 'log-level'?"],
  },
  {
    name: 'lines that end as in DOS',
    text: 'log-level: info\r\nlog-levle: info\r\n',
    expected: ["2:1: unknown key 'log-levle'; did you mean 'log-level'?"],
  },
];

const SHAPE_MISTAKES: readonly Mistake[] = [
  {
    name: 'a mistyped key',
    text: withSubnet('defualt-lease-time: 600'),
    expected: ["4:3: unknown key 'defualt-lease-time'; did you mean 'default-lease-time'?"],
  },
  {
    name: 'a key in the wrong section',
    text: 'tftp: { root: /srv, listen: [10.0.0.1] }\nsubnets: []\n',
    expected: ["2:1: unknown key 'subnets'; it belongs into 'dhcp' or 'dhcp.shared-networks'"],
  },
  {
    name: 'a key of the top level in a section',
    text: 'tftp: { root: /srv, listen: [10.0.0.1], interfaces: [eth0] }\n',
    expected: ["1:41: unknown key 'interfaces'; it belongs into the top level"],
  },
  {
    name: "dhcpd's pool",
    text: inDhcp('subnets:', '  - subnet: 10.0.0.0/24', '    pool: { range: 10.0.0.1-10.0.0.9 }'),
    expected: ["5:7: unknown key 'pool'; a pool is an entry of 'ranges'"],
  },
  {
    name: 'a key that resembles nothing',
    text: 'tftp: { root: /srv, listen: [10.0.0.1] }\nxyzzy: 1\n',
    expected: ["2:1: unknown key 'xyzzy'"],
  },
  {
    name: 'a key of the language instead of the file',
    text: 'tftp: { root: /srv, listen: [10.0.0.1] }\n__proto__: 1\nconstructor: 2\n',
    expected: ["2:1: unknown key '__proto__'", "3:1: unknown key 'constructor'"],
  },
  {
    name: 'text for a number',
    text: withSubnet('default-lease-time: ten'),
    expected: ["4:23: expected a number, found 'ten'"],
  },
  {
    name: 'a fraction for a whole number',
    text: withSubnet('default-lease-time: 1.5'),
    expected: ['4:23: expected a whole number, found 1.5'],
  },
  {
    name: 'a number out of range',
    text: withSubnet('port: 70000'),
    expected: ['4:9: 70000 is not between 1 and 65535'],
  },
  {
    name: 'a lease of no seconds',
    text: withSubnet('default-lease-time: 0'),
    expected: ['4:23: 0 is not between 1 and 4294967295'],
  },
  {
    name: "dhcpd's on and off",
    text: withSubnet('authoritative: on'),
    expected: ["4:18: expected true or false, found 'on', which YAML reads as text"],
  },
  {
    name: 'a number for text',
    text: withSubnet('filename: 7'),
    expected: ["4:13: expected text such as /pxelinux.0, found '7'; put it in quotes"],
  },
  {
    name: 'one value for a list',
    text: 'interfaces: eth0\ntftp: { root: /srv, listen: [10.0.0.1] }\n',
    expected: ["1:13: expected a list, found 'eth0'"],
  },
  {
    name: 'a list for a mapping',
    text: withSubnet('options: [routers]'),
    expected: ['4:12: expected a mapping, found a list'],
  },
  {
    name: 'a key without a value',
    text: 'http-boot:\ntftp: { root: /srv, listen: [10.0.0.1] }\n',
    expected: ["1:1: 'http-boot' has no value; expected a mapping"],
  },
  {
    name: 'an item without a value',
    text: inDhcp('subnets:', '  -'),
    expected: ['4:6: this has no value; expected a mapping'],
  },
  {
    name: 'a word that is none of a few',
    text: withSubnet('mode: proxi'),
    expected: ["4:9: 'proxi' is none of server, proxy; did you mean 'proxy'?"],
  },
  {
    name: 'a required key that is missing',
    text: 'tftp: { map-file: /m, listen: [10.0.0.1] }\n',
    expected: ["1:7: the key 'root' is missing here"],
  },
  {
    name: 'a list that may not be empty',
    text: 'tftp: { root: /srv, listen: [] }\n',
    expected: ["1:29: the list 'listen' is empty"],
  },
  {
    name: 'a record type without quotes',
    text: withSubnet('option-definitions:', '  x: { code: 230, type: { integer 8, text } }'),
    expected: [
      '5:27: expected text, found a mapping; text that begins with a bracket or a brace needs quotes',
    ],
  },
];

const SERVICE_MISTAKES: readonly Mistake[] = [
  {
    name: 'dhcp and tftp without interfaces',
    text: 'dhcp: { subnets: [{ subnet: 10.0.0.0/24 }] }\ntftp: { root: /srv }\n',
    expected: [
      "1:1: warning: 'dhcp' serves nobody without 'interfaces'; `bootd serve` will refuse to start",
      "2:1: warning: 'tftp' serves nobody without 'interfaces' or 'listen'; `bootd serve` will refuse to start",
    ],
  },
  {
    name: 'dhcp without a subnet',
    text: inDhcp('authoritative: true'),
    expected: ["2:1: warning: no subnet is configured under 'dhcp', so no machine is answered"],
  },
  {
    name: 'nothing at all',
    text: '# nothing yet\n',
    expected: ["1:1: warning: there is neither 'dhcp' nor 'tftp' nor 'http-boot', so no machine is served"],
  },
  {
    name: 'an interface with a slash, and one that stands twice',
    text: 'interfaces: [eth/0, eth1, eth1]\ntftp: { root: /srv }\n',
    expected: [
      "1:14: 'eth/0' cannot be the name of a network interface",
      "1:27: warning: the interface 'eth1' is listed twice",
    ],
  },
  {
    name: 'a port in tftp.listen',
    text: 'tftp: { root: /srv, listen: [10.0.0.1:69, boot] }\n',
    expected: [
      "1:30: '10.0.0.1:69' is no IPv4 or IPv6 address; the port goes into 'port'",
      "1:43: 'boot' is no IPv4 or IPv6 address",
    ],
  },
  {
    name: 'a link-local address without its interface',
    text: 'tftp: { root: /srv, listen: ["fe80::1%eth0", "febf::1", "fec0::1"] }\nhttp-boot: { listen: "[fe80::1]:80" }\n',
    expected: [
      "1:46: 'febf::1' is link-local: write its interface after it, as in 'febf::1%br-prov'",
      "2:22: 'fe80::1' is link-local: write its interface after it, as in 'fe80::1%br-prov'",
    ],
  },
  {
    name: "in.tftpd's microseconds",
    text: 'tftp: { root: /srv, listen: [10.0.0.1], retransmit: 1000000 }\n',
    expected: ['1:53: 1000000 is more than 255 seconds; in.tftpd counts microseconds, this file seconds'],
  },
  {
    name: 'a range of ports that runs backwards',
    text: 'tftp: { root: /srv, listen: [10.0.0.1], port-range: 5000-4000 }\n',
    expected: ["1:53: '5000-4000' is no range of ports; write FIRST-LAST, such as 4096-5119"],
  },
  {
    name: 'a range of ports that nothing uses',
    text: 'tftp: { root: /srv, listen: [10.0.0.1], port-range: 4000-5000, single-port: true }\n',
    expected: ["1:41: 'port-range' has no meaning with 'single-port'"],
  },
  {
    name: 'an empty path',
    text: "tftp: { root: '', listen: [10.0.0.1] }\n",
    expected: ['1:15: the path is empty'],
  },
  {
    name: 'http without an address',
    text: 'http-boot: { listen: 10.0.0.1:80, root: /srv }\nhttp: { listen: 127.0.0.1 }\n',
    expected: ["2:17: '127.0.0.1' is no address with a port; write 127.0.0.1:8067, or [::1]:8067 for IPv6"],
  },
  {
    name: 'names of the host that no URL can have, and one that is good',
    text: [
      'http-boot: { listen: 10.0.0.1:80, root: /srv }',
      'http:',
      '  listen: 127.0.0.1:8067',
      '  host-names:',
      '    - bootd.example.com:8067',
      '    - https://bootd.example.com/',
      '    - boot_d.example.com',
      '    - -bootd.example.com',
      "    - ''",
      '    - Bootd.Example.com',
    ].join('\n'),
    expected: [
      '5:7: "bootd.example.com:8067" is no host name like bootd.example.com',
      '6:7: "https://bootd.example.com/" is no host name like bootd.example.com',
      '7:7: "boot_d.example.com" is no host name like bootd.example.com',
      '8:7: "-bootd.example.com" is no host name like bootd.example.com',
      '9:7: "" is no host name like bootd.example.com',
    ],
  },
  {
    name: 'one name of the host for a list',
    text: 'http-boot: { listen: 10.0.0.1:80, root: /srv }\nhttp: { listen: 127.0.0.1:8067, host-names: bootd.example.com }\n',
    expected: ["2:45: expected a list, found 'bootd.example.com'"],
  },
  {
    name: 'http-boot without any file to serve',
    text: 'http-boot: { listen: 10.0.0.1:80 }\n',
    expected: [
      "1:1: warning: there is neither 'root' here nor 'tftp', so only rendered boot files and images by URL are served",
    ],
  },
  {
    name: 'http-boot on every wire',
    text: 'http-boot: { listen: 0.0.0.0:80, root: /srv }\n',
    expected: [
      "1:22: warning: '0.0.0.0:80' serves boot files on every wire of this host; name the address of the provisioning wire",
    ],
  },
  {
    name: 'http and http-boot on one port',
    text: 'http: { listen: 10.0.0.1:80 }\nhttp-boot: { listen: 10.0.0.1:80, root: /srv }\n',
    expected: ["2:22: 'http' and 'http-boot' cannot share an address and port"],
  },
  {
    name: "Ironic's files without DHCP, both kinds in one folder",
    text: 'tftp: { root: /srv, listen: [10.0.0.1] }\nironic: { dnsmasq: { hostsdir: /a, optsdir: /a/, leasefile: /l } }\n',
    expected: [
      "2:20: 'ironic.dnsmasq' needs a 'dhcp' section: its nodes are DHCP options",
      "2:45: 'hostsdir' and 'optsdir' cannot be the same folder",
    ],
  },
  {
    name: 'a profile whose name is nearly a word of ours',
    text: 'http-boot: { listen: 10.0.0.1:80, root: /srv }\nboot: { unknown: local-disc }\n',
    expected: ["2:18: warning: 'local-disc' is taken for the name of a profile; did you mean 'local-disk'?"],
  },
];

describe.each([
  ['YAML', YAML_MISTAKES],
  ['shape', SHAPE_MISTAKES],
  ['services', SERVICE_MISTAKES],
] as const)('mistakes of %s', (_, mistakes) => {
  expectMistakes(mistakes);
});

describe('a file with several mistakes', () => {
  const text = [
    'interfaces: [br-prov]',
    'dhcp:',
    '  defualt-lease-time: 600',
    '  next-server: boot.example.org',
    '  subnets:',
    '    - subnet: 192.168.0.0/24',
    '      ranges: [{ range: 192.168.1.128-192.168.1.254 }]',
    '  reservations:',
    '    - { hardware-ethernet: 0c:c4:7a:0e:2b, fixed-address: 192.168.0.20 }',
    'tftp: { root: /tftpboot, port: 690000 }',
    '',
  ].join('\n');

  it('gives one line for each, in the order of the file', () => {
    expect(problemsOf(text)).toEqual([
      "f:3:3: unknown key 'defualt-lease-time'; did you mean 'default-lease-time'?",
      "f:4:16: 'boot.example.org' is a host name; names are not looked up, write its IPv4 address",
      'f:7:25: 192.168.1.128 is not in the subnet 192.168.0.0/24',
      "f:9:28: '0c:c4:7a:0e:2b' is no MAC; write six octets such as 0c:c4:7a:0e:2b:6b",
      'f:10:32: 690000 is not between 1 and 65535',
    ]);
  });

  it('gives no settings', () => {
    expect(parseConfig(text, SOURCE).settings).toBeUndefined();
  });
});

describe('a file with warnings only', () => {
  it('gives settings', () => {
    const parsed = parseConfig(inDhcp('authoritative: true'), SOURCE);
    expect(parsed.problems).toHaveLength(1);
    expect(parsed.settings?.dhcp?.parameters.authoritative).toBe(true);
  });
});
