import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildDeb } from '../../packaging/deb.ts';
import { buildNpm } from '../../packaging/npm.ts';
import { productionModules } from '../../packaging/production-modules.ts';
import { readRelease } from '../../packaging/release.ts';
import { buildRpm } from '../../packaging/rpm.ts';
import { copyDebianRoot, runInRoot } from '../lab/debian-root.ts';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess, run } from '../lab/processes.ts';

const TOP = resolve(import.meta.dirname, '../..');
const release = readRelease(TOP);
const MINUTES = 60_000;

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'bootd-packages-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A new folder below the scratch folder. */
async function folder(name: string): Promise<string> {
  const path = join(scratch, name);
  await mkdir(path, { recursive: true });
  return path;
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Every file below a folder with its SHA-256, links without. */
async function contents(top: string): Promise<Readonly<Record<string, string>>> {
  const lines = await run('find', [top, '-type', 'f', '-printf', '%P\\n']);
  const files = lines.split('\n').filter(Boolean).sort();
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await sha256(join(top, file))] as const)),
  );
}

type Builder = (release: ReturnType<typeof readRelease>, work: string, target: string) => Promise<string>;

/** Builds a package twice, the second time by somebody with other habits in another folder. */
async function buildTwice(kind: string, build: Builder): Promise<readonly [string, string]> {
  const first = await build(release, await folder(`${kind}-work`), await folder(`${kind}-first`));
  const umask = process.umask(0o077);
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Pacific/Chatham';
  try {
    const work = await folder(`${kind}-work-of-somebody-else/and/deeper`);
    return [first, await build(release, work, await folder(`${kind}-second`))];
  } finally {
    process.umask(umask);
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
}

let builtDebs: Promise<readonly [string, string]> | undefined;

/** Two builds of the .deb, made once. */
function debs(): Promise<readonly [string, string]> {
  builtDebs ??= buildTwice('deb', buildDeb);
  return builtDebs;
}

describe('npm', () => {
  let prefix: string;
  let archive: string;
  const bootd = (): string => join(prefix, 'bin/bootd');
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;

  beforeAll(async () => {
    prefix = join(scratch, 'prefix');
    archive = await buildNpm(release, await folder('npm-work'), await folder('npm'));
    await run('npm', ['install', '--global', '--prefix', prefix, '--prefer-offline', archive], {
      timeoutMs: 5 * MINUTES,
    });
  });

  test('installs a program with manual pages, and nothing that is for development', async () => {
    expect(await run(bootd(), ['--version'], { environment: { PATH: path } })).toBe(`${release.version}\n`);
    const installed = join(prefix, 'lib/node_modules/ironic-bootd');
    for (const file of [
      'dist/main.js',
      'dist/completions/bootd.bash',
      'status-page/index.html',
      'systemd/bootd.service',
      'tftpboot-templates/pxelinux.tmpl',
      'bootd.schema.json',
      'docs/operations.md',
      'integrations/ironic/pyproject.toml',
    ]) {
      expect(existsSync(join(installed, file)), file).toBe(true);
    }
    expect(existsSync(join(prefix, 'share/man/man8/bootd.8'))).toBe(true);
    expect(existsSync(join(prefix, 'share/man/man5/bootd.yaml.5'))).toBe(true);
    const modules = await readdir(join(installed, 'node_modules'));
    expect(modules).toContain('fastify');
    expect(modules.filter((name) => ['typescript', 'tsx', 'vitest', 'eslint'].includes(name))).toEqual([]);
  });

  test('installs the versions that were tested', () => {
    const installed = productionModules(join(prefix, 'lib/node_modules/ironic-bootd'), TOP);
    expect(installed).toEqual(productionModules(TOP));
  });

  test('is the same, octet by octet, when it is packed again', async () => {
    const again = await buildNpm(release, await folder('npm-work-again'), await folder('npm-again'));
    expect(await sha256(again)).toBe(await sha256(archive));
  });

  test('checks a configuration, and serves the demo until it is told to stop', async () => {
    const configuration = join(scratch, 'bootd.yaml');
    await writeFile(configuration, `interfaces: [lo]\ntftp: { root: ${prefix} }\n`);
    expect(await run(bootd(), ['check', '--config', configuration], { environment: { PATH: path } })).toBe(
      '',
    );
    const demo = BackgroundProcess.start('bootd', bootd(), ['serve', '--demo'], { PATH: path });
    await demo.waitForLine(/"daemon\.ready"/, MINUTES);
    expect(await demo.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('the .deb', () => {
  const able = needs('debian-root', 'deb-tools');
  let root: string;
  let deb: string;
  let other: string;
  let before: readonly string[];
  const inRoot = (...command: readonly string[]): Promise<string> =>
    runInRoot(root, command, { timeoutMs: 3 * MINUTES });
  const offer = async (file: string): Promise<string> => {
    await copyFile(file, join(root, 'tmp/bootd.deb'));
    return '/tmp/bootd.deb';
  };

  beforeAll(async () => {
    if (!able) return;
    root = join(scratch, 'root');
    await copyDebianRoot(root);
    [deb, other] = await debs();
  });

  test('is the same, octet by octet, whoever builds it', async () => {
    expect(await sha256(other)).toBe(await sha256(deb));
  });

  test('wants a Node.js that is new enough', async () => {
    const refused = inRoot('apt-get', 'install', '--simulate', await offer(deb));
    await expect(refused).rejects.toThrow(`Depends: nodejs (>= ${release.nodeVersion})`);
    await installNode(root);
    await rm(join(root, 'tmp/bootd.deb'));
    before = await inventory(root);
  });

  test('installs, and serves nothing yet', async () => {
    await inRoot('dpkg', '--force-unsafe-io', '--install', await offer(deb));
    expect(await inRoot('bootd', '--version')).toBe(`${release.version}\n`);
    expect(await inRoot('bootd', 'check', '--config', '/etc/bootd/bootd.yaml')).toMatch(
      /^\/etc\/bootd\/bootd\.yaml:1:1: warning: .*no machine is served\n$/,
    );
    expect(await inRoot('stat', '--format', '%U %G %a', '/var/lib/bootd')).toBe('bootd bootd 750\n');
    expect(await inRoot('getent', 'passwd', 'bootd')).toMatch(/:\/var\/lib\/bootd:\/usr\/sbin\/nologin$/m);
    expect(await inRoot('dpkg', '--verify', 'bootd')).toBe('');
    expect(await inRoot('sh', '-c', 'ls /etc/systemd/system/*.wants')).not.toContain('bootd');
    expect(await inRoot('gzip', '--test', '/usr/share/man/man8/bootd.8.gz')).toBe('');
    for (const file of await readdir(join(TOP, 'systemd'))) {
      const name = file.replace(/(sysusers|tmpfiles)$/, 'conf');
      expect(await inRoot('dpkg-query', '--listfiles', 'bootd')).toContain(`/${name}\n`);
    }
  });

  test('has a configuration to begin with in its comments', async () => {
    const comments = await readFile(join(root, 'etc/bootd/bootd.yaml'), 'utf8');
    await mkdir(join(root, 'tftpboot'));
    await writeFile(join(root, 'tmp/bootd.yaml'), comments.replace(/^#(?=[ a-z]*[a-z-]+:|  +-)/gm, ''));
    expect(await inRoot('bootd', 'check', '--config', '/tmp/bootd.yaml')).toBe('');
    await rm(join(root, 'tmp/bootd.yaml'));
    await rm(join(root, 'tftpboot'), { recursive: true });
  });

  test('runs as its own user', async () => {
    const script = `bootd serve --demo >/tmp/log 2>&1 & pid=$!
for i in $(seq 600); do grep -q daemon.ready /tmp/log && break; kill -0 $pid || break; sleep 0.1; done
kill $pid && wait $pid && grep -c daemon.ready /tmp/log; cat /tmp/log >&2; rm /tmp/log`;
    const asBootd = ['setpriv', '--reuid=bootd', '--regid=bootd', '--clear-groups'];
    expect(await inRoot(...asBootd, 'sh', '-c', script)).toBe('1\n');
  });

  test('says what is in it, and under which licences', async () => {
    const documents = join(root, 'usr/share/doc/bootd');
    const sbom = JSON.parse(await readFile(join(documents, 'sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly version: string }[];
    };
    const listed = sbom.components.map(({ name, version }) => `${name}@${version}`);
    const shipped = productionModules(TOP).map(({ name, version }) => `${name}@${version}`);
    expect([...new Set(listed)].sort()).toEqual([...new Set(shipped)].sort());
    expect(await readFile(join(documents, 'copyright'), 'utf8')).toContain('node_modules/fastify/*');
  });

  test('keeps what was written when it is upgraded, downgraded and removed', async () => {
    await appendFile(join(root, 'etc/bootd/bootd.yaml'), 'log-level: warn\n');
    await writeFile(join(root, 'var/lib/bootd/kept'), '');
    const later = await withVersion(deb, '99.0-1');
    for (const version of [later, deb]) {
      await inRoot('dpkg', '--force-unsafe-io', '--install', await offer(version));
      expect(await readFile(join(root, 'etc/bootd/bootd.yaml'), 'utf8')).toContain('log-level: warn');
      expect(await inRoot('bootd', '--version')).toBe(`${release.version}\n`);
    }
    await inRoot('dpkg', '--remove', 'bootd');
    expect(existsSync(join(root, 'usr/lib/bootd'))).toBe(false);
    expect(existsSync(join(root, 'etc/bootd/bootd.yaml'))).toBe(true);
    expect(existsSync(join(root, 'var/lib/bootd/kept'))).toBe(true);
  });

  test('leaves nothing when it is purged', async () => {
    await inRoot('dpkg', '--purge', 'bootd');
    await rm(join(root, 'tmp/bootd.deb'));
    expect(await inventory(root)).toEqual(before);
  });

  /** The same package under another version. */
  async function withVersion(file: string, version: string): Promise<string> {
    const tree = await folder('deb-later');
    await run('dpkg-deb', ['--raw-extract', file, tree]);
    const control = join(tree, 'DEBIAN/control');
    const text = await readFile(control, 'utf8');
    await writeFile(control, text.replace(/^Version: .*$/m, `Version: ${version}`));
    await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, join(scratch, 'later.deb')]);
    return join(scratch, 'later.deb');
  }

  /** The Node.js that runs the tests, in a package as NodeSource's and Debian 13's are called. */
  async function installNode(into: string): Promise<void> {
    const tree = await folder('nodejs/usr/bin').then((path) => resolve(path, '../..'));
    await copyFile(process.execPath, join(tree, 'usr/bin/node'));
    await mkdir(join(tree, 'DEBIAN'));
    await writeFile(
      join(tree, 'DEBIAN/control'),
      `Package: nodejs
Version: ${process.versions.node}-1
Architecture: ${(await run('dpkg', ['--print-architecture'])).trim()}
Maintainer: nobody <nobody@localhost>
Description: Node.js of the machine that runs the tests
`,
    );
    await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, join(into, 'tmp/nodejs.deb')]);
    await runInRoot(into, ['dpkg', '--force-unsafe-io', '--install', '/tmp/nodejs.deb']);
    await rm(join(into, 'tmp/nodejs.deb'));
    await rm(tree, { recursive: true });
  }
});

/**
 * Everything that is in a root: kind, mode, owner and name of each entry, and what the lists of users and groups say. The
 * package manager's own book-keeping is left out.
 */
async function inventory(root: string): Promise<readonly string[]> {
  const books = ['var/lib/dpkg', 'var/log', 'var/cache/ldconfig', 'proc', 'sys', 'dev'];
  const lines = await run('find', [
    root,
    ...['(', ...books.flatMap((name) => ['-path', join(root, name), '-o']), '-false', ')', '-prune', '-o'],
    ...['-printf', '%y %m %U %G %P -> %l\\n'],
  ]);
  const users = await Promise.all(
    ['passwd', 'group', 'shadow', 'gshadow'].map(async (name) => {
      const text = await readFile(join(root, 'etc', name), 'utf8');
      return text.split('\n').map((line) => `${name}: ${line}`);
    }),
  );
  return [...lines.split('\n').filter(Boolean), ...users.flat()].sort();
}

describe('the .rpm', () => {
  const able = needs('rpm-tools', 'deb-tools');
  let rpm: string;
  let other: string;
  let tree: string;
  const query = (...words: readonly string[]): Promise<string> =>
    run('rpm', ['-q', '--package', ...words, rpm]);

  beforeAll(async () => {
    if (!able) return;
    [rpm, other] = await buildTwice('rpm', buildRpm);
    tree = await folder('rpm-tree');
    await run('sh', [
      '-c',
      'cd "$1" && rpm2cpio "$2" | cpio --extract --make-directories --quiet',
      'sh',
      tree,
      rpm,
    ]);
  });

  test('is the same, octet by octet, whoever builds it', async () => {
    expect(await sha256(other)).toBe(await sha256(rpm));
  });

  test('has the files of the .deb, in the places of its own family', async () => {
    const [deb] = await debs();
    const unpacked = await folder('deb-tree');
    await run('dpkg-deb', ['--extract', deb, unpacked]);
    const places = Object.entries(await contents(unpacked))
      .filter(([file]) => !/^usr\/share\/doc\/bootd\/(changelog\.Debian\.gz|copyright)$/.test(file))
      .map(([file, sum]) => [file.replace('zsh/vendor-completions', 'zsh/site-functions'), sum] as const);
    const { 'usr/share/licenses/bootd/copyright': licences, ...files } = await contents(tree);
    expect(files).toEqual(Object.fromEntries(places));
    expect(licences).toBeDefined();
    const modes = await query('--queryformat', '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\\n]');
    const ofDeb = await run('dpkg-deb', ['--contents', deb]);
    for (const path of [
      'usr/lib/bootd/bin/bootd',
      'usr/lib/systemd/system/bootd.service',
      'etc/bootd/bootd.yaml',
    ]) {
      const [perms = ''] =
        ofDeb
          .split('\n')
          .find((line) => line.endsWith(`./${path}`))
          ?.split(' ') ?? [];
      expect(modes).toContain(`${perms} root /${path}\n`);
    }
  });

  test('names what it needs, and brings nothing that others could need', async () => {
    const requires = await query('--requires');
    expect(requires).toContain(
      `(nodejs(engine) >= ${release.nodeVersion} or nodejs >= 2:${release.nodeVersion})`,
    );
    expect(requires).toMatch(/^libc\.so\.6\(GLIBC_/m);
    expect(requires).not.toContain('musl');
    expect(await query('--provides')).not.toContain('.node');
    expect(await query('--configfiles')).toBe('/etc/bootd/bootd.yaml\n');
    expect(await query('--queryformat', '%{LICENSE}')).toMatch(/^Apache-2\.0 AND /);
  });

  test('prepares the system when it comes, and stops bootd when it goes', async () => {
    const scripts = await query('--scripts');
    expect(scripts).toMatch(/posttrans scriptlet[^\n]*\n\/usr\/lib\/bootd\/packaging\/after-install\n/);
    expect(scripts).toMatch(
      /preuninstall scriptlet[^\n]*\nif \[ "\$1" -eq 0 \]; then\n {2}\S+before-removal\nfi/,
    );
  });

  test('is a program that runs', async () => {
    const program = [join(tree, 'usr/lib/bootd/bin/bootd'), '--version'];
    expect(await run(process.execPath, program)).toBe(`${release.version}\n`);
    // For firewalld: the ports that bootd has whatever its configuration says.
    const service = await readFile(join(tree, 'usr/lib/firewalld/services/bootd.xml'), 'utf8');
    expect([...service.matchAll(/port="(\d+)"/g)].map(([, port]) => port)).toEqual(['67', '4011', '69']);
  });
});
