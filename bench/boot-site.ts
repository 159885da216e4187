import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BootCrowd, type BootReport } from '../test/lab/boot-crowd.ts';
import { Daemon, type Configuration } from '../test/lab/daemon.ts';
import { LabNetwork } from '../test/lab/namespaces.ts';
import { run } from '../test/lab/processes.ts';
import { widen } from '../test/lab/wide-configuration.ts';

/** Octets of what a machine fetches: loader, configuration, kernel and ramdisk. */
const FILES = { 'pxelinux.0': 42_000, 'boot.cfg': 1000, kernel: 1_000_000, ramdisk: 3_000_000 } as const;

/** The first addresses of the range, and not the server's. */
const MACHINE_NETWORKS = ['10.20.1.0/24', '10.20.2.0/23', '10.20.4.0/22', '10.20.8.0/21', '10.20.16.0/20'];

/** Names of the files above, in the order in which a machine fetches them. */
export const BOOT_FILES: readonly string[] = Object.keys(FILES);

export type Booted = BootReport & { readonly kind: 'booted' };

/** A controller and a wire in namespaces, with files to boot from and room for tens of thousands of machines. */
export class BootSite {
  readonly network: LabNetwork;
  readonly tftpRoot: string;
  readonly #wide: Configuration;

  private constructor(network: LabNetwork, tftpRoot: string, wide: Configuration) {
    this.network = network;
    this.tftpRoot = tftpRoot;
    this.#wide = wide;
  }

  static async open(): Promise<BootSite> {
    const network = await LabNetwork.open();
    const tftpRoot = join(network.folder, 'tftpboot');
    mkdirSync(tftpRoot);
    for (const [name, octets] of Object.entries(FILES))
      writeFileSync(join(tftpRoot, name), Buffer.alloc(octets, name));
    chmodSync(tftpRoot, 0o755);
    return new BootSite(network, tftpRoot, await widen(network, 60_000));
  }

  /** Starts the built daemon, with so much of the DHCP section changed. Nobody is asked whether he has an address: nobody has. */
  start(dhcp: Readonly<Record<string, unknown>> = {}): Promise<Daemon> {
    const { server, folder } = this.network;
    const configuration = {
      ...this.#wide,
      'log-level': 'info',
      dhcp: { ...this.#wide.dhcp, 'ping-check': false, ...dhcp },
      tftp: { root: '/tftpboot', secure: true },
    };
    return Daemon.start({ namespace: server, folder, tftpRoot: this.tftpRoot, configuration });
  }

  /** Machines that can be switched on, in one process in the clients' namespace. */
  async openCrowd(): Promise<BootCrowd> {
    const [first = '', ...more] = MACHINE_NETWORKS;
    const crowd = await BootCrowd.open(this.network, first);
    for (const network of more) {
      await this.network.client.run('ip', ['route', 'add', 'local', network, 'dev', 'lo']);
    }
    // Machines have processors of their own, and not the server's.
    const renice = `renice -n 15 -p $(ip netns pids ${this.network.client.name}) >/dev/null`;
    await run('sh', ['-c', renice]);
    return crowd;
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

/** Switches on so many machines at once and waits until each has booted; rejects when one fails, or none ends in time. */
export async function bootAll(
  crowd: BootCrowd,
  count: number,
  timeoutMs: number,
): Promise<readonly Booted[]> {
  for (let number = 0; number < count; number += 1) {
    const mac = `02:b0:00:00:${octet(number >> 8)}:${octet(number)}`;
    crowd.boot({ mac, files: BOOT_FILES, renewals: 0, renewEveryMs: 0 });
  }
  const booted: Booted[] = [];
  const endsAt = performance.now() + timeoutMs;
  while (booted.length < count) {
    for (const report of crowd.reports()) {
      if (report.kind === 'failed') throw new Error(`${report.mac} failed at ${report.at}: ${report.why}`);
      if (report.kind === 'booted') booted.push(report);
    }
    if (performance.now() > endsAt) throw new Error(`${booted.length} of ${count} machines booted in time`);
    await sleep(20);
  }
  return booted;
}

function octet(value: number): string {
  return (value & 0xff).toString(16).padStart(2, '0');
}
