import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabNetwork } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';

/** Sets the address as a distribution's script does, and tells what happened. */
const SCRIPT = `#!/bin/sh
case $1 in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew) ip addr replace "$ip/24" brd + dev "$interface" ;;
esac
echo "udhcpc-event $1 ip=$ip lease=$lease server=$serverid file=$boot_file next=$siaddr"
`;

/** What udhcpc told its script. */
export interface UdhcpcEvent {
  readonly address: string;
  readonly leaseSeconds: number;
  readonly server: string;
  readonly bootFile: string;
  readonly nextServer: string;
}

/** busybox's DHCP client on the lab's plain provisioning client: a real one, with an address and a lease. */
export class Udhcpc {
  readonly #process: BackgroundProcess;
  #seen = 0;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
  }

  static async start(network: LabNetwork): Promise<Udhcpc> {
    const script = join(network.folder, 'udhcpc-script');
    await writeFile(script, SCRIPT);
    await chmod(script, 0o755);
    const options = ['-i', 'eth0', '-f', '-s', script, '-t', '10', '-T', '2'];
    return new Udhcpc(network.client.start('udhcpc', 'busybox', ['udhcpc', ...options]));
  }

  /** Waits for the next event of this kind after the last one that was waited for. */
  async next(kind: 'bound' | 'renew' | 'deconfig' | 'nak', timeoutMs = 20_000): Promise<UdhcpcEvent> {
    const pattern = new RegExp(`^udhcpc-event ${kind} `);
    const line = await this.#process.waitForLine(pattern, timeoutMs, this.#seen);
    this.#seen = this.#process.lines.indexOf(line, this.#seen) + 1;
    const field = (name: string): string => new RegExp(` ${name}=(\\S*)`).exec(line)?.[1] ?? '';
    return {
      address: field('ip'),
      leaseSeconds: Number(field('lease')),
      server: field('server'),
      bootFile: field('file'),
      nextServer: field('next'),
    };
  }

  /** Renews now, by unicast to the server, as it would by itself after half of the lease. */
  renew(): void {
    this.#process.signal('SIGUSR1');
  }

  /** Gives the lease back. */
  release(): void {
    this.#process.signal('SIGUSR2');
  }

  /** Ends it without giving the lease back, as a machine that loses power. */
  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }
}
