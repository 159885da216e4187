import { Type, type Static } from '@sinclair/typebox';
import { RawDhcpSchema } from './raw-dhcp.ts';
import { RawPowerSchema } from './raw-power.ts';
import { RawTftpSchema } from './raw-tftp.ts';
import { oneOf, section } from './schema-terms.ts';
import { LOG_LEVELS } from './settings.ts';

/** Where the daemon keeps things, for what the configuration leaves out. */
export const CONFIG_DEFAULTS = {
  stateDirectory: '/var/lib/bootd',
  controlSocket: '/run/bootd/control.sock',
  controlGroup: 'bootd',
  logLevel: 'info',
  unknownMachines: 'none',
  imagesMaxBytes: 20 * 1024 ** 3,
  imagesTimeoutSeconds: 1800,
} as const;

const listen = (what: string, example: string) =>
  Type.String({ description: `Address and port of ${what}.`, examples: [example] });

/**
 * The whole file as JSON Schema: what the reader compares it with, what editors complete from (bootd.schema.json), and
 * what docs/configuration.md is made from. Sections and keys that are absent stay visible as absent.
 */
export const RawConfigSchema = section(
  {
    interfaces: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Network interfaces that DHCP and TFTP are served on; on every other one the program is deaf and mute. One that is not there yet is waited for, and `/readyz` says so.',
        examples: [['br-prov']],
      }),
    ),
    'state-directory': Type.Optional(
      Type.String({
        description: 'Where leases, nodes and boot profiles are kept.',
        default: CONFIG_DEFAULTS.stateDirectory,
      }),
    ),
    'log-level': Type.Optional(
      oneOf(LOG_LEVELS, { description: 'What is logged at least.', default: CONFIG_DEFAULTS.logLevel }),
    ),
    dhcp: Type.Optional(RawDhcpSchema),
    tftp: Type.Optional(RawTftpSchema),
    power: Type.Optional(RawPowerSchema),
    boot: Type.Optional(
      section(
        {
          unknown: Type.Optional(
            Type.String({
              description:
                'What a machine without a node boots where the disk has nothing for it: `none`, `local-disk`, `menu`, ' +
                'or the name of a shared boot profile (which makes discovery possible).',
              default: CONFIG_DEFAULTS.unknownMachines,
            }),
          ),
        },
        { description: 'What is booted.' },
      ),
    ),
    templates: Type.Optional(
      Type.String({
        description:
          'The folder of the templates that boot files are rendered from. Default: the shipped ones.',
        examples: ['/etc/bootd/templates'],
      }),
    ),
    control: Type.Optional(
      section(
        {
          socket: Type.Optional(
            Type.String({
              description: 'The Unix socket of the control API.',
              default: CONFIG_DEFAULTS.controlSocket,
            }),
          ),
          group: Type.Optional(
            Type.String({
              description: 'The group that may use the socket (mode 0660).',
              default: CONFIG_DEFAULTS.controlGroup,
            }),
          ),
        },
        { description: 'The control API. It is there also when the section is absent.' },
      ),
    ),
    http: Type.Optional(
      section(
        {
          listen: listen('leases, nodes and metrics, for admins to read', '127.0.0.1:8067'),
          'token-file': Type.Optional(
            Type.String({
              description:
                'A file with the bearer token for whatever changes state over HTTP. Absent: nothing may be changed there.',
              examples: ['/etc/bootd/token'],
            }),
          ),
          'host-names': Type.Optional(
            Type.Array(Type.String(), {
              description:
                "Names with a dot that requests may be sent to, besides the host's own name: other names are refused, since a stranger's page can make them point here. Addresses and names without a dot always are good.",
              examples: [['bootd.example.com']],
            }),
          ),
        },
        { description: "The admins' HTTP side; not for the provisioning wire. Absent: it is off." },
      ),
    ),
    ironic: Type.Optional(
      section(
        {
          dnsmasq: section(
            {
              hostsdir: Type.String({
                description:
                  "`[dnsmasq]dhcp_hostsdir` of ironic.conf: Ironic's hosts files, which bootd reads.",
                examples: ['/var/lib/bootd/ironic/hosts'],
              }),
              optsdir: Type.String({
                description:
                  "`[dnsmasq]dhcp_optsdir` of ironic.conf: Ironic's options files, which bootd reads.",
                examples: ['/var/lib/bootd/ironic/options'],
              }),
              leasefile: Type.String({
                description:
                  '`[dnsmasq]dhcp_leasefile` of ironic.conf: the leases, which bootd writes for Ironic.',
                examples: ['/var/lib/bootd/ironic/leases'],
              }),
            },
            { description: 'The files of an Ironic with `dhcp_provider = dnsmasq`; needs `dhcp`.' },
          ),
        },
        { description: 'Ironic without a plugin. Absent: nothing is read from its files.' },
      ),
    ),
    'http-boot': Type.Optional(
      section(
        {
          listen: listen('the HTTP server for boot files', '192.168.0.1:80'),
          root: Type.Optional(
            Type.String({
              description: 'The folder of the boot files. Default: `tftp.root`.',
              examples: ['/tftpboot'],
            }),
          ),
        },
        {
          description: "The machines' HTTP side: boot files for iPXE and UEFI HTTP boot. Absent: it is off.",
        },
      ),
    ),
    images: Type.Optional(
      section(
        {
          'cache-directory': Type.Optional(
            Type.String({
              description: 'Where kernels and ramdisks that boot profiles name by URL and checksum are kept.',
              default: 'images in the state directory',
            }),
          ),
          'max-bytes': Type.Optional(
            Type.Integer({
              minimum: 1,
              description:
                'What all of them together may take. What no profile uses makes room, the longest unused first.',
              default: CONFIG_DEFAULTS.imagesMaxBytes,
            }),
          ),
          timeout: Type.Optional(
            Type.Integer({
              minimum: 1,
              description:
                'Seconds that fetching one image may take; one that is silent for 30 is given up before.',
              default: CONFIG_DEFAULTS.imagesTimeoutSeconds,
            }),
          ),
        },
        { description: 'Images by URL. They can be used also when the section is absent.' },
      ),
    ),
  },
  { description: 'Configuration of bootd.' },
);

export type RawConfig = Static<typeof RawConfigSchema>;
