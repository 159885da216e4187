import { chmod, copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabNetwork } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';
import { findProgram } from './tools.ts';

/** The application note's dhcpd.conf, and what UEFI machines need besides. */
const DHCPD_CONF = `
default-lease-time 600;
max-lease-time 7200;
allow booting;
allow bootp;
next-server 192.168.0.1;
filename "/pxelinux.0";
authoritative;
subnet 192.168.0.0 netmask 255.255.255.0 {
  range dynamic-bootp 192.168.0.128 192.168.0.254;
  option broadcast-address 192.168.0.255;
}
class "uefi" {
  match if substring(option vendor-class-identifier, 0, 20) = "PXEClient:Arch:00007";
  filename "bootx64.efi";
}
`;

/**
 * ISC dhcpd on the server's provisioning leg, with leases from elsewhere or none; its lease file is `leaseFile`. It ends with the
 * lab, or before.
 */
export async function startDhcpd(
  network: LabNetwork,
  leases = '',
  configuration = DHCPD_CONF,
): Promise<{ readonly process: BackgroundProcess; readonly leaseFile: string }> {
  const folder = await mkdtemp(join(network.folder, 'dhcpd-'));
  const leaseFile = join(folder, 'dhcpd.leases');
  await writeFile(join(folder, 'dhcpd.conf'), configuration);
  await writeFile(leaseFile, leases);
  // A copy: AppArmor's profile goes by the program's path and would keep it out of this folder.
  const dhcpd = join(folder, 'dhcpd');
  await copyFile(findProgram('dhcpd') ?? 'dhcpd', dhcpd);
  await chmod(dhcpd, 0o755);
  const files = ['-cf', join(folder, 'dhcpd.conf'), '-lf', leaseFile];
  const process = network.server.start('dhcpd', dhcpd, ['-4', '-d', '--no-pid', ...files, 'prov0']);
  await process.waitForLine(/Server starting service/, 10_000);
  return { process, leaseFile };
}

/**
 * ISC dhcpd and in.tftpd on the server's provisioning leg: what bootd replaces, and what the lab is proved with. They
 * end with the lab.
 */
export async function startReferenceServers(
  network: LabNetwork,
  tftpRoot: string,
  dhcpdConf = DHCPD_CONF,
): Promise<void> {
  const options = ['-L', '-4', '-a', '192.168.0.1:69', '-m', '/tftpboot/map-file', '/tftpboot'];
  network.server.startWithTftpboot('in.tftpd', tftpRoot, findProgram('in.tftpd') ?? 'in.tftpd', options);
  await startDhcpd(network, '', dhcpdConf);
  await waitForTftpPort(network);
}

/** in.tftpd says nothing when it is ready. */
async function waitForTftpPort(network: LabNetwork): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await network.server.run('ss', ['-Hlun', 'sport = :69'])) !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('in.tftpd does not listen on port 69');
}
