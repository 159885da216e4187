import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  loadersOf,
  profileTemplate,
  renderBootFile,
  renderLocalDisk,
  renderMenu,
  type Machine,
  type RenderingContext,
} from '../../../src/boot/boot-files.ts';
import { UnsafeValueError } from '../../../src/boot/loader-language.ts';
import { TEMPLATE_VARIABLES } from '../../../src/boot/template-variables.ts';
import { LOADERS, TemplateError, type Loader, type TemplateSet } from '../../../src/boot/template.ts';
import { loadTemplates } from '../../../src/services/template-folder.ts';
import { ipv4, MAC, nodeSample, profileSample } from './samples.ts';

const SHIPPED = resolve(import.meta.dirname, '../../../tftpboot-templates');
const GOLDEN = resolve(import.meta.dirname, '../../golden/boot');

let templates: TemplateSet;
let context: RenderingContext;
beforeAll(async () => {
  const loaded = await loadTemplates(SHIPPED, SHIPPED);
  expect(loaded.problems).toEqual([]);
  templates = loaded.templates;
  context = { templates, tftpRoot: '/tftpboot', tftpServer: ipv4('192.168.0.1') };
});

const machine: Machine = { node: nodeSample(), mac: MAC };
const stranger: Machine = { node: undefined, mac: MAC };
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Each rendering whose every byte counts; `vitest -u` writes them anew. */
const renderings: Readonly<Record<string, (loader: Loader) => Uint8Array>> = {
  deploy: (loader) => renderBootFile(loader, machine, profileSample(), context),
  'kernel-only': (loader) =>
    renderBootFile(loader, machine, profileSample({ ramdisk: undefined, kernelAppendParams: '' }), context),
  'absolute-paths': (loader) =>
    renderBootFile(
      loader,
      machine,
      profileSample({ kernel: '/tftpboot/u/kernel', ramdisk: '/u/ramdisk' }),
      context,
    ),
  urls: (loader) =>
    renderBootFile(
      loader,
      machine,
      profileSample({
        kernel: 'http://192.168.0.1:8080/u/kernel',
        ramdisk: 'http://192.168.0.1:8080/u/ramdisk',
      }),
      context,
    ),
  quoting: (loader) =>
    renderBootFile(
      loader,
      machine,
      profileSample({ kernelAppendParams: `dyndbg="file a.c +p" x=$y;z it='s a\\b url=http://h/?a=b&c` }),
      context,
    ),
  'local-disk': (loader) => renderBootFile(loader, machine, profileSample({ policy: 'local-disk' }), context),
  'no-kernel': (loader) => renderBootFile(loader, machine, profileSample({ kernel: undefined }), context),
  'stranger-local-disk': (loader) => renderLocalDisk(loader, { node: undefined, mac: undefined }, context),
  'stranger-menu': (loader) =>
    renderMenu(
      loader,
      stranger,
      [
        { name: 'rescue', generation: 1, profile: profileSample({ purpose: 'rescue' }) },
        {
          name: 'memtest',
          generation: 2,
          profile: profileSample({ kernel: 'memtest', ramdisk: undefined, kernelAppendParams: '' }),
        },
        { name: 'disk', generation: 3, profile: profileSample({ policy: 'local-disk' }) },
      ],
      context,
    ),
};
const cases = Object.keys(renderings).flatMap((name) => LOADERS.map((loader) => [name, loader] as const));

describe('rendered boot files', () => {
  it.each(cases)('%s for %s', async (name, loader) => {
    await expect(text(renderings[name]!(loader))).toMatchFileSnapshot(join(GOLDEN, `${name}.${loader}`));
  });

  const checker = spawnSync('grub-script-check', ['--version']).status === 0;
  it.skipIf(!checker).each(Object.keys(renderings))(
    '%s: GRUB takes the syntax (grub-script-check)',
    (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'bootd-grub-'));
      try {
        const file = join(folder, 'grub.cfg');
        writeFileSync(file, renderings[name]!('grub'));
        execFileSync('grub-script-check', [file]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it.each(cases)('%s for %s ends with a line end, and has no empty first line', (name, loader) => {
    const rendered = text(renderings[name]!(loader));
    expect(rendered.endsWith('\n')).toBe(true);
    expect(rendered.startsWith('#')).toBe(true);
    if (loader === 'ipxe') expect(rendered.startsWith('#!ipxe\n')).toBe(true);
  });
});

describe('renderBootFile', () => {
  it('refuses what makes a line too long for pxelinux, and says which value it was', () => {
    const profile = profileSample({ kernelAppendParams: 'a'.repeat(4096) });
    expect(() => renderBootFile('pxelinux', machine, profile, context)).toThrow(
      /^profile.kernel_append_params makes a line of more than 4094 octets/,
    );
    expect(() => renderBootFile('grub', machine, profile, context)).not.toThrow();
  });

  it('refuses an image that is neither a path nor a URL', () => {
    const profile = profileSample({ kernel: '../etc/passwd' });
    expect(() => renderBootFile('grub', machine, profile, context)).toThrow(UnsafeValueError);
  });

  it('uses the template that the profile names with the loader that has it, and its own with the others', () => {
    const some: TemplateSet = {
      has: (name) => ['grub', 'ipxe', 'pxelinux', 'grub-rescue'].includes(name),
      render: (name) => `template ${name}`,
    };
    const profile = profileSample({ template: 'rescue' });
    expect(LOADERS.map((loader) => profileTemplate(loader, profile, some))).toEqual([
      'pxelinux',
      'grub-rescue',
      'ipxe',
    ]);
    expect(text(renderBootFile('grub', machine, profile, { ...context, templates: some }))).toBe(
      'template grub-rescue',
    );
  });

  it('lets a failing template fail', () => {
    const none: TemplateSet = {
      has: () => false,
      render: (name) => {
        throw new TemplateError(name, undefined, 'there is no usable template of this name');
      },
    };
    expect(() => renderBootFile('grub', machine, profileSample(), { ...context, templates: none })).toThrow(
      TemplateError,
    );
  });

  it.each([
    ['255', '192.168.0.9'],
    ['150', '192.168.0.9'],
    ['66', '192.168.0.9'],
  ])('takes the TFTP server from the node’s option %s', (name, address) => {
    let seen: unknown;
    const spy: TemplateSet = {
      has: () => true,
      render: (_name, variables) => {
        seen = variables['server'];
        return '';
      },
    };
    const node = nodeSample({ dhcpOptions: [{ name, value: address, ipVersion: 4 }] });
    renderBootFile('grub', { node, mac: MAC }, profileSample(), { ...context, templates: spy });
    expect(seen).toEqual({ address });
  });
});

describe('loadersOf', () => {
  it.each([
    ['bios', ['pxelinux', 'ipxe']],
    ['uefi', ['grub', 'ipxe']],
    [undefined, ['pxelinux', 'grub', 'ipxe']],
  ] as const)('boot mode %s: %j', (bootMode, loaders) => {
    expect(loadersOf(nodeSample({ bootMode }))).toEqual(loaders);
  });
});

describe('tftpboot-templates/README.md', () => {
  it('lists the variables of the catalogue, word for word', () => {
    const [, table = ''] = readFileSync(join(SHIPPED, 'README.md'), 'utf8').split('## Variables');
    const rows = table
      .split('\n')
      .map((line) => /^\| `([^`]+)` \| (.+) \|$/.exec(line))
      .flatMap((match) => (match === null ? [] : [[match[1], match[2]]]));
    expect(rows).toEqual(TEMPLATE_VARIABLES.map(({ name, description }) => [name, description]));
  });
});
