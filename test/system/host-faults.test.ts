import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { FaultSite } from '../lab/fault-site.ts';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { run } from '../lab/processes.ts';
import { readVitals } from '../lab/vitals.ts';

needs('namespaces', 'strace', 'loop-device');
/** The same for longer, in `npm run test:long -- faults`. */
const LONG = process.env['BOOTD_TEST_LONG'] === '1';

let site: FaultSite | undefined;

afterAll(closeLabs);

afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function open(...args: Parameters<typeof FaultSite.open>): Promise<FaultSite> {
  site = await FaultSite.open(...args);
  return site;
}

/** Makes a system call fail as the kernel would, from the start on. */
function failing(call: string, error: string): readonly string[] {
  const quiet = ['-D', '-f', '-qq', '-o', '/dev/null', '--seccomp-bpf'];
  return ['strace', ...quiet, '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
}

test('a state that the kernel makes read-only: no ACK from then on, /readyz says why, TFTP goes on, and no lease is lost', async () => {
  const { start, switchOn, network, stateFolder, ...rest } = bind(await open());
  const image = join(network.folder, 'disk');
  await run('truncate', ['-s', '32M', image]);
  await run('mkfs.ext4', ['-q', image]);
  // In the mount namespace that the daemon has to itself.
  const mounted = 'mount -o loop,errors=remount-ro "$1" "$2" && shift 2 && exec "$@"';
  const under = ['sh', '-euc', mounted, 'disk', image, stateFolder];
  const daemon = await start(under);
  const crowd = await switchOn(20);
  expect(await rest.problems()).toEqual([]);

  await breakFileSystem(daemon.pid, stateFolder);
  await expect
    .poll(rest.problems, { timeout: 30_000 })
    .toEqual([expect.stringMatching(/^store: .*Read-only file system/)]);
  // What was on its way to the machines when it happened has arrived.
  await sleep(500);
  const heard = crowd.events().length;
  crowd.join({ count: 5, spreadMs: 0 });
  await expect
    .poll(() => daemon.metric('bootd_dhcp_packets_dropped_total', 'reason="not-kept"'), { timeout: 30_000 })
    .toBeGreaterThan(20);
  expect(crowd.events().slice(heard)).toEqual(
    expect.not.arrayContaining([expect.objectContaining({ kind: 'ack' })]),
  );
  expect(await rest.ask('/tftpboot/pxelinux.0')).toMatchObject({ kind: 'data' });
  expect((await daemon.api('GET', '/healthz')).status).toBe(200);

  const acknowledged = new Map(crowd.leases());
  await daemon.kill();
  const again = await start(under);
  const { leases } = (await again.apiBody('GET', '/v1/leases?state=bound')) as {
    leases: { mac: string; address: string }[];
  };
  const kept = new Map(leases.map(({ mac, address }) => [mac, address]));
  expect([...acknowledged].filter(([mac, address]) => kept.get(mac) !== address)).toEqual([]);
  await crowd.waitForLeases(25, 60_000);
});

/** What ext4 does when it finds its own data damaged: nothing can be written any more, not even to open files. */
async function breakFileSystem(pid: number, folder: string): Promise<void> {
  const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
  const device = mounts.split('\n').find((line) => line.includes(` ${folder} `) && line.includes(' ext4 '));
  const name = /\/dev\/(loop\d+)/.exec(device ?? '')?.[1];
  if (name === undefined) throw new Error(`no loop device is mounted on ${folder}`);
  writeFileSync(`/sys/fs/ext4/${name}/trigger_fs_error`, '1\n');
}

test('a process that is stopped and goes on: nobody loses an address, nobody is refused, and all is served again', async () => {
  const { start, switchOn, errors } = bind(await open());
  const daemon = await start();
  const crowd = await switchOn(30);
  process.kill(daemon.pid, 'SIGSTOP');
  await sleep(LONG ? 60_000 : 5000);
  const heard = crowd.events().length;
  process.kill(daemon.pid, 'SIGCONT');
  await crowd.waitForMoreAcks(200, 30_000);
  expect(
    new Set(
      crowd
        .events()
        .slice(heard)
        .map(({ mac }) => mac),
    ).size,
  ).toBe(30);
  expect(crowd.events().filter(({ kind }) => kind === 'nak')).toEqual([]);
  expect(crowd.sharedAddresses()).toEqual([]);
  expect(errors()).toEqual([]);
});

test('SIGUSR1, by which other daemons open their logs again, opens no debugger and changes nothing', async () => {
  const { start, switchOn } = bind(await open());
  const daemon = await start();
  const crowd = await switchOn(5);
  process.kill(daemon.pid, 'SIGUSR1');
  await crowd.waitForMoreAcks(100, 30_000);
  // Where Node listens by itself it says so on standard error.
  expect(daemon.lines.filter((line) => line.includes('Debugger'))).toEqual([]);
  const listening = await readFile(`/proc/${daemon.pid}/net/tcp`, 'latin1');
  expect(listening).not.toContain(`0100007F:${(9229).toString(16).toUpperCase()}`);
});

test('no file descriptor left: TFTP clients are told so and counted, DHCP goes on, and with descriptors again all is well', async () => {
  const { start, switchOn, ask, problems } = bind(await open());
  const daemon = await start();
  const crowd = await switchOn(20);
  expect(await ask('/tftpboot/pxelinux.0')).toMatchObject({ kind: 'data' });
  // The lowest number that is free is the first that cannot be had.
  await run('prlimit', ['--pid', String(daemon.pid), `--nofile=${readVitals(daemon.pid).descriptors - 5}:`]);
  await crowd.waitForMoreAcks(200, 30_000);
  expect(await ask('/tftpboot/map-file')).toEqual({ kind: 'error', code: 0, message: 'Too many open files' });
  await crowd.waitForMoreAcks(200, 30_000);

  await run('prlimit', ['--pid', String(daemon.pid), '--nofile=1024:']);
  expect(await ask('/tftpboot/map-file')).toMatchObject({ kind: 'data' });
  expect(await daemon.metric('bootd_tftp_refusals_total', 'reason="too-many-files"')).toBeGreaterThan(0);
  await expect.poll(problems, { timeout: 20_000 }).toEqual([]);
  expect(crowd.events().filter(({ kind }) => kind === 'nak')).toEqual([]);
});

describe('no watch left for files (inotify)', () => {
  test.each([
    ['the limit of watches', 'inotify_add_watch', 'ENOSPC'],
    ['the limit of instances', 'inotify_init1', 'EMFILE'],
  ])(
    '%s: it starts and serves all the same, warns, and sees what has changed within seconds',
    async (_, call, error) => {
      const { start, switchOn, ask, network, options } = bind(await open());
      const daemon = await start(failing(call, error));
      await switchOn(5);
      expect(daemon.log('template.failed')).toMatchObject([{ level: 'warn' }]);
      expect(daemon.log('tftp.map.failed')).toMatchObject([{ level: 'warn' }]);
      writeFileSync(join(network.folder, 'templates', 'pxelinux-mine.tmpl'), 'default mine\n');
      await expect
        .poll(() => daemon.log('template.loaded').at(-1)?.['templates'], { timeout: 20_000 })
        .toContain('pxelinux-mine.tmpl');
      writeFileSync(join(options.tftpRoot, 'map-file'), 're ^nothing$ nothing\n');
      await expect.poll(() => ask('pxelinux.0'), { timeout: 20_000 }).toMatchObject({ kind: 'error' });
    },
  );
});

test('without /proc no file is served unchecked, /readyz says why, and DHCP goes on', async () => {
  const { start, switchOn, ask, problems } = bind(await open());
  const daemon = await start(['sh', '-euc', 'umount -l /proc && exec "$@"', 'without-proc']);
  await switchOn(5);
  expect(await ask('/tftpboot/pxelinux.0')).toEqual({
    kind: 'error',
    code: 0,
    message: 'Input/output error',
  });
  expect(await problems()).toEqual([expect.stringMatching(/^tftp: \/proc is not mounted/)]);
  expect((await daemon.api('GET', '/healthz')).status).toBe(200);
});

test('a folder of templates that goes away and comes back: the last good ones are rendered meanwhile, /readyz says so', async () => {
  // What a machine gets that nobody knows.
  const menu = '/tftpboot/pxelinux.cfg/default';
  const { start, ask, problems, network } = bind(
    await open((usual) => ({ ...usual, boot: { unknown: 'local-disk' } })),
  );
  const daemon = await start();
  const folder = join(network.folder, 'templates');
  await rename(folder, `${folder}-away`);
  await expect
    .poll(problems, { timeout: 20_000 })
    .toEqual([expect.stringMatching(/^templates: .*cannot be read/)]);
  expect(await ask(menu)).toMatchObject({ kind: 'data' });
  await rename(`${folder}-away`, folder);
  await expect.poll(problems, { timeout: 20_000 }).toEqual([]);
  writeFileSync(join(folder, 'pxelinux-mine.tmpl'), 'default mine\n');
  await expect
    .poll(() => daemon.log('template.loaded').at(-1)?.['templates'], { timeout: 20_000 })
    .toContain('pxelinux-mine.tmpl');
});

test('a map-file that goes away and comes back: its rules stay in force meanwhile, and /readyz says so', async () => {
  const { start, ask, problems, options } = bind(await open());
  await start();
  const file = join(options.tftpRoot, 'map-file');
  renameSync(file, `${file}-away`);
  await expect
    .poll(problems, { timeout: 20_000 })
    .toEqual([expect.stringMatching(/^tftp: .*No such file or directory/)]);
  // The last rule of the note puts /tftpboot/ before a bare name.
  expect(await ask('pxelinux.0')).toMatchObject({ kind: 'data' });
  writeFileSync(file, 're ^nothing$ nothing\n');
  await expect.poll(problems, { timeout: 20_000 }).toEqual([]);
  await expect.poll(() => ask('pxelinux.0'), { timeout: 20_000 }).toMatchObject({ kind: 'error' });
  rmSync(`${file}-away`);
  expect(existsSync(file)).toBe(true);
});

/** The members of a site, to be used without it. */
function bind(of: FaultSite) {
  return {
    network: of.network,
    options: of.options,
    stateFolder: of.stateFolder,
    start: (under?: readonly string[]) => of.start(under),
    switchOn: (machines: number) => of.switchOn(machines),
    ask: (name: string) => of.ask(name),
    problems: () => of.problems(),
    errors: () => of.errors(),
  };
}
