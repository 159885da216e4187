import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private folder with everything that a whole boot on loopback needs. */
export interface DemoSite {
  readonly folder: string;
  readonly configFile: string;
  readonly socket: string;
  readonly httpPort: number;
  /** Deletes the folder and what the daemon kept in it. */
  remove(): void;
}

interface DemoPorts {
  readonly dhcp: number;
  readonly client: number;
  readonly tftp: number;
  readonly http: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** What stands for loaders, kernel and ramdisk: about as large as the real ones, except for the kernel and ramdisk. */
const SAMPLE_FILES: readonly (readonly [name: string, octets: number])[] = [
  ['pxelinux.0', 42_430],
  ['ldlinux.c32', 119_524],
  ['bootx64.efi', 1_048_504],
  ['grubx64.efi', 1_384 * KIB],
  ['vmlinuz', 2 * MIB],
  ['initrd.img', 8 * MIB],
];

/** Makes the folder (mode 0700), the boot files and the configuration. Rejects when the disk or the ports refuse. */
export async function createDemoSite(): Promise<DemoSite> {
  const ports = await freePorts();
  const folder = mkdtempSync(join(tmpdir(), 'bootd-demo-'));
  const root = join(folder, 'tftpboot');
  mkdirSync(root);
  for (const [name, octets] of SAMPLE_FILES) {
    writeFileSync(join(root, name), sampleOctets(name, octets), { mode: 0o644 });
  }
  writeFileSync(join(root, 'map-file'), mapFile(root));
  const configFile = join(folder, 'bootd.yaml');
  writeFileSync(configFile, demoConfiguration(ports));
  return {
    folder,
    configFile,
    socket: join(folder, 'control.sock'),
    httpPort: ports.http,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * The same octets each time, unlike enough that a lost or doubled block is noticed. The first line tells whoever looks
 * into the file what it is, and an EFI program by its first two letters.
 */
function sampleOctets(name: string, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  const words = new Uint32Array(octets.buffer, 0, Math.floor(length / 4));
  let state = 0x9e3779b9 ^ length;
  for (let at = 0; at < words.length; at += 1) {
    // Marsaglia's xorshift32: no quality is needed, only that it never repeats within a file.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  const magic = name.endsWith('.efi') ? 'MZ ' : '';
  octets.set(new TextEncoder().encode(`${magic}bootd demo: this stands for ${name}\n`));
  return octets;
}

/** The application note's rules, with the demo's root in place of /tftpboot. */
function mapFile(root: string): string {
  const pattern = root.replace(/[^A-Za-z0-9/_-]/g, '\\$&');
  const replacement = root.replace(/[\s#\\]/g, '\\$&');
  return [
    `# Names that begin with the root already, names as Ironic writes them, and all others`,
    `re ^(${pattern}/) ${replacement}/\\2`,
    `re ^/tftpboot/ ${replacement}/`,
    `re ^(^/) ${replacement}/\\1`,
    `re ^([^/]) ${replacement}/\\1`,
    '',
  ].join('\n');
}

function demoConfiguration(ports: DemoPorts): string {
  return `# Made by "bootd serve --demo": the application note's installation on loopback, with ports that need no root.
interfaces: [lo]
state-directory: state
dhcp:
  port: ${ports.dhcp}
  client-port: ${ports.client}
  authoritative: true
  default-lease-time: 600
  max-lease-time: 7200
  allow-booting: true
  allow-bootp: true
  ping-check: false                  # on loopback this host itself would answer for every address
  next-server: 127.0.0.1
  filename: /pxelinux.0
  filename-by-arch: { uefi-x64: bootx64.efi }
  option-definitions:
    option-128: { code: 128, type: string }
    option-129: { code: 129, type: text }
  options:
    option-128: e4:45:74:68:00:00
    option-129: console=ttyS0,115200
  subnets:
    - subnet: 127.0.0.0/24
      ranges: [{ range: 127.0.0.128-127.0.0.254, dynamic-bootp: true }]
      options: { broadcast-address: 127.0.0.255 }
tftp:
  root: tftpboot
  map-file: tftpboot/map-file
  port: ${ports.tftp}
control: { socket: control.sock }
http: { listen: "127.0.0.1:${ports.http}" }
`;
}

/** Ports that nobody held a moment ago. All are held until the last one is known, so that they differ. */
async function freePorts(): Promise<DemoPorts> {
  const sockets = [createSocket('udp4'), createSocket('udp4'), createSocket('udp4')] as const;
  const server = createServer();
  try {
    const [dhcp, client, tftp] = await Promise.all([
      boundPort(sockets[0]),
      boundPort(sockets[1]),
      boundPort(sockets[2]),
    ]);
    const http = await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    return { dhcp, client, tftp, http };
  } finally {
    for (const socket of sockets) socket.close();
    server.close();
  }
}

function boundPort(socket: ReturnType<typeof createSocket>): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, () => resolve(socket.address().port));
  });
}
