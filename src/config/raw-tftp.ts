import { Type, type Static } from '@sinclair/typebox';
import { TFTP_DEFAULTS } from '../tftp/tftp-settings.ts';
import { port, section } from './schema-terms.ts';

/** The `tftp` section: in.tftpd's words where it has them. */
export const RawTftpSchema = section(
  {
    root: Type.String({
      description: 'The folder that nothing is served from outside of.',
      examples: ['/tftpboot'],
    }),
    'map-file': Type.Optional(
      Type.String({
        description:
          "in.tftpd's `--map-file`, unchanged. It is read again when it changes; one with mistakes keeps the old rules " +
          'in force and shows in the log and in `/readyz`.',
        examples: ['/tftpboot/map-file'],
      }),
    ),
    secure: Type.Optional(
      Type.Boolean({
        description:
          "in.tftpd's `--secure`: file names are relative to `root`. Otherwise they are absolute and must lie below " +
          '`root`. Default: false with a `map-file`, true without one, so that a bare `pxelinux.0` works.',
      }),
    ),
    permissive: Type.Optional(
      Type.Boolean({
        description: "in.tftpd's `--permissive`: serve files that are not readable for everybody.",
        default: false,
      }),
    ),
    'follow-symlinks-to': Type.Optional(
      Type.Array(Type.String(), {
        description: 'Folders outside of `root` into which symbolic links may lead.',
        examples: [['/var/lib/ironic/master_images']],
      }),
    ),
    listen: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'IPv4 and IPv6 addresses to listen on, instead of every address of `interfaces`; a link-local one with its interface, `fe80::1%br-prov`. One that this host does not have yet is waited for.',
        examples: [['192.168.0.1', 'fd00::1']],
      }),
    ),
    port: Type.Optional(
      port({ description: 'The port that requests come to.', default: TFTP_DEFAULTS.port }),
    ),
    'port-range': Type.Optional(
      Type.String({
        description: "Ports that transfers use, for firewalls: in.tftpd's `--port-range`. Absent: any port.",
        examples: ['4096-5119'],
      }),
    ),
    'single-port': Type.Optional(
      Type.Boolean({
        description:
          'Answer from the port that requests come to, for firewalls and NAT that do not know TFTP.',
        default: TFTP_DEFAULTS.singlePort,
      }),
    ),
    'block-size-max': Type.Optional(
      Type.Integer({
        minimum: 8,
        maximum: 65_464,
        description: 'Octets of a block at most. Default: what fits the MTU of the interface.',
        examples: [1428],
      }),
    ),
    'window-size-max': Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65_535,
        description: 'Blocks of a window at most (RFC 7440).',
        default: TFTP_DEFAULTS.windowSizeMax,
      }),
    ),
    retransmit: Type.Optional(
      Type.Number({
        minimum: 0.01,
        description:
          'Seconds after which an unanswered packet is sent again for the first time; fractions are fine. ' +
          "(in.tftpd's `--retransmit` counts microseconds.)",
        default: TFTP_DEFAULTS.retransmitMs / 1000,
      }),
    ),
    'collapse-doubled-slashes': Type.Optional(
      Type.Boolean({
        description:
          'Try a request that was not found once more with repeated leading slashes made one: pxelinux 6 asks for ' +
          '`//tftpboot/...` when its own name began with a slash.',
        default: TFTP_DEFAULTS.collapseDoubledSlashes,
      }),
    ),
  },
  { description: 'The TFTP server. Absent: it is off.' },
);

export type RawTftp = Static<typeof RawTftpSchema>;
