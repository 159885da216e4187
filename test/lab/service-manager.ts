import { copyFile, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Configuration, LogLine } from './daemon.ts';
import { copyDebianRoot } from './debian-root.ts';
import type { LabNetwork } from './namespaces.ts';
import { BackgroundProcess, run } from './processes.ts';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

/** Its own part takes a second; a loaded machine and bootd's start take more. */
const BOOT_TIMEOUT_MS = 90_000;

/**
 * `ip netns exec` mounts /sys anew, so that the interfaces in it are the namespace's, but without the control groups,
 * which systemd needs: they are carried over. All mounts are the command's own and go away with it.
 */
const OUTSIDE = `
mount --rbind /sys/fs/cgroup "$2"
exec ip netns exec "$1" sh -euc "$3" inside "$@"
`;

/** nspawn wants its folder on a disk that it may unmount, and leaves the namespace's network as it is. */
const INSIDE = `
mount --rbind "$2" /sys/fs/cgroup
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
shift 3
exec systemd-nspawn --quiet --register=no --keep-unit --console=pipe --capability=CAP_NET_ADMIN --boot "$@"
`;

const UP = 'systemctl is-system-running';

/** The machine cannot boot a systemd in a container; the message says why. */
export class NoServiceManagerError extends Error {
  override readonly name = 'NoServiceManagerError';
}

/**
 * A Debian of this machine's release in which a real systemd runs bootd from the shipped units, on the wires of a lab's
 * server. Its network is the lab's; everything else is its own.
 */
export class ServiceManager {
  readonly #machine: BackgroundProcess;
  readonly #leader: number;

  private constructor(machine: BackgroundProcess, leader: number) {
    this.#machine = machine;
    this.#leader = leader;
  }

  /**
   * Installs bootd by hand, as the README says, with this configuration and the TFTP root, and boots. Resolves when bootd is
   * ready. Rejects with NoServiceManagerError where the container itself does not come up.
   */
  static async boot(
    network: LabNetwork,
    configuration: Configuration,
    tftpRoot: string,
    dropIns: Readonly<Record<string, string>> = {},
  ): Promise<ServiceManager> {
    const root = join(network.folder, 'debian');
    await copyDebianRoot(root);
    const binds = await install(root, configuration, dropIns);
    binds.push(`--bind=${tftpRoot}:/tftpboot`);
    const groups = join(network.folder, 'cgroup');
    await mkdir(groups);
    const machine = BackgroundProcess.start('systemd-nspawn', 'unshare', [
      ...['--mount', 'sh', '-euc', OUTSIDE, 'outside', network.server.name, groups, INSIDE],
      ...[`--directory=${root}`, ...binds],
    ]);
    const manager = new ServiceManager(machine, await findLeader(machine));
    await manager.#untilUp();
    return manager;
  }

  /** Runs a command beside the units, as root, and returns what it printed. */
  run(...command: readonly string[]): Promise<string> {
    const spaces = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup'];
    return run('nsenter', ['--target', String(this.#leader), ...spaces, ...command]);
  }

  systemctl(...words: readonly string[]): Promise<string> {
    return this.run('systemctl', ...words);
  }

  /** One property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.systemctl('show', '--property', name, '--value', unit)).trim();
  }

  /** `active`, `inactive`, `failed`, ... */
  state(unit: string): Promise<string> {
    return this.property(unit, 'ActiveState');
  }

  /** Sends a signal to bootd's process, as an accident would. */
  async signal(signal: string): Promise<void> {
    const pid = await this.property('bootd.service', 'MainPID');
    await this.run('sh', '-c', `kill -s ${signal} ${pid}`);
  }

  /** What bootd logged since this boot, of all its processes; lines of one event if it is named. */
  async log(event?: string): Promise<readonly LogLine[]> {
    const text = await this.run('journalctl', '--unit=bootd.service', '--output=cat', '--no-pager');
    return text.split('\n').flatMap((line): LogLine[] => {
      const parsed = line.startsWith('{') ? (JSON.parse(line) as LogLine) : undefined;
      return parsed === undefined || (event !== undefined && parsed.event !== event) ? [] : [parsed];
    });
  }

  /** Resolves once bootd runs and has said that it is ready. */
  async untilServing(): Promise<void> {
    await poll(async () => (await this.state('bootd.service')) === 'active', 'bootd is active', 60_000);
  }

  async powerOff(): Promise<void> {
    await this.systemctl('poweroff').catch(() => undefined);
    await this.#machine.stop('SIGTERM', 20_000);
  }

  async #untilUp(): Promise<void> {
    try {
      await poll(
        // It fails for anything but `running`, and a late interface makes it `degraded`.
        async () => /^(running|degraded)$/m.test(await this.run('sh', '-c', `${UP} 2>&1 || true`)),
        'systemd is up',
        BOOT_TIMEOUT_MS,
      );
      await this.untilServing();
    } catch (error) {
      const journal = await this.run('journalctl', '--no-pager', '--lines=60').catch(String);
      await this.#machine.stop('SIGKILL');
      throw new Error(`${String(error)}\n${journal}\n${this.#machine.tail()}`, { cause: error });
    }
  }
}

/** Asks until the answer is yes. */
async function poll(ask: () => Promise<boolean>, what: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(100);
  }
}

/** The container's first process, by its number out here. */
async function findLeader(machine: BackgroundProcess): Promise<number> {
  const deadline = Date.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    const children = `/proc/${machine.pid}/task/${machine.pid}/children`;
    const [leader] = (await readFile(children, 'utf8').catch(() => '')).trim().split(' ');
    const name = leader && (await readFile(`/proc/${leader}/comm`, 'utf8').catch(() => ''));
    if (leader !== undefined && name?.trim() === 'systemd') return Number(leader);
    if (machine.exit !== undefined || Date.now() > deadline) {
      await machine.stop('SIGKILL');
      throw new NoServiceManagerError(`systemd does not boot in a container here: ${machine.tail(3)}`);
    }
    await sleep(50);
  }
}

/** Puts bootd into the root; returns what is shown there of this machine instead of being copied. */
async function install(
  root: string,
  configuration: Configuration,
  dropIns: Readonly<Record<string, string>>,
): Promise<string[]> {
  const shipped = (name: string): string => join(TOP, 'systemd', name);
  const put = async (name: string, folder: string, as = name): Promise<void> => {
    await mkdir(join(root, folder), { recursive: true });
    await copyFile(shipped(name), join(root, folder, as));
  };
  for (const unit of ['bootd.service', 'bootd-dhcp@.socket', 'bootd-tftp@.socket']) {
    await put(unit, 'usr/lib/systemd/system');
  }
  await put('bootd-generator', 'usr/lib/systemd/system-generators');
  await put('bootd.sysusers', 'usr/lib/sysusers.d', 'bootd.conf');
  for (const [unit, text] of Object.entries(dropIns)) {
    await mkdir(join(root, 'etc/systemd/system', `${unit}.d`), { recursive: true });
    await writeFile(join(root, 'etc/systemd/system', `${unit}.d`, 'test.conf'), text);
  }
  await mkdir(join(root, 'etc/bootd'));
  await writeFile(join(root, 'etc/bootd/bootd.yaml'), stringify(configuration));
  const wanted = join(root, 'etc/systemd/system/multi-user.target.wants');
  await mkdir(wanted, { recursive: true });
  await symlink('/usr/lib/systemd/system/bootd.service', join(wanted, 'bootd.service'));
  await symlink('/opt/bootd/bin/bootd', join(root, 'usr/bin/bootd'));
  await mkdir(join(root, 'opt/bootd'), { recursive: true });
  for (const file of ['package.json', 'bootd.schema.json']) {
    await copyFile(join(TOP, file), join(root, 'opt/bootd', file));
  }
  const folders = ['bin', 'dist', 'status-page', 'tftpboot-templates', 'node_modules'];
  const binds = folders.map(
    async (name) => `--bind-ro=${await realpath(join(TOP, name))}:/opt/bootd/${name}`,
  );
  return [`--bind-ro=${await realpath(process.execPath)}:/usr/bin/node`, ...(await Promise.all(binds))];
}
