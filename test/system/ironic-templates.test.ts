import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderBootFile } from '../../src/boot/boot-files.ts';
import type { BootProfile } from '../../src/boot/boot-profile.ts';
import type { Loader, TemplateSet, TemplateValue } from '../../src/boot/template.ts';
import { loadTemplates } from '../../src/services/template-folder.ts';
import { needs } from '../lab/needs.ts';
import { ipv4, MAC, nodeSample, profileSample } from '../unit/boot/samples.ts';

// The templates of the installed Ironic, rendered by Ironic's own function and by bootd.

const able = needs('ironic-package');
const IRONIC = '/usr/lib/python3/dist-packages/ironic/drivers/modules';
const SHIPPED = resolve(import.meta.dirname, '../../tftpboot-templates');

/** Ironic's file, and the name under which an operator saves it for bootd. */
const TEMPLATES = {
  'pxe_config.template': 'pxelinux',
  'pxe_grub_config.template': 'grub',
  'ipxe_config.template': 'ipxe',
  'initial_grub_cfg.template': 'grub-initial',
  'boot.ipxe': 'ipxe-boot',
} as const;
type IronicTemplate = keyof typeof TEMPLATES;

type Parameters = Readonly<Record<string, TemplateValue>>;

/** Renders with the function that the conductor uses, in one run of Python. */
function renderByIronic(
  jobs: readonly { readonly template: IronicTemplate; readonly parameters: Parameters }[],
): readonly string[] {
  const script = [
    'import json, sys',
    'from ironic.common import utils',
    `print(json.dumps([utils.render_template('${IRONIC}/' + job['template'], job['parameters']) for job in json.load(sys.stdin)]))`,
  ].join('\n');
  const out = execFileSync('/usr/bin/python3', ['-c', script], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return JSON.parse(out) as readonly string[];
}

let folder: string;
let templates: TemplateSet;

beforeAll(async () => {
  if (!able) return;
  folder = await mkdtemp(join(tmpdir(), 'bootd-ironic-'));
  for (const [file, name] of Object.entries(TEMPLATES)) {
    await copyFile(join(IRONIC, file), join(folder, `${name}.tmpl`));
  }
  const loaded = await loadTemplates(folder, SHIPPED);
  expect(loaded.problems).toEqual([]);
  ({ templates } = loaded);
});

afterAll(async () => {
  if (able) await rm(folder, { recursive: true, force: true });
});

const APPEND = 'nofb nomodeset vga=normal ipa-debug=1 ipa-api-url=http://192.168.0.1:6385';

const DEPLOY: Parameters = {
  deployment_aki_path: 'cbe08678-b1be-4683-b8e6-bdc8515890ad/deploy_kernel',
  deployment_ari_path: 'cbe08678-b1be-4683-b8e6-bdc8515890ad/deploy_ramdisk',
  aki_path: 'no_kernel',
  ari_path: 'no_ramdisk',
  pxe_append_params: APPEND,
  tftp_server: '192.168.0.1',
  ipxe_timeout: 0,
};
const VOLUME: Parameters = {
  ...DEPLOY,
  boot_from_volume: true,
  username: 'fake_username_1',
  password: 'fake_password_1',
  iscsi_boot_url: 'iscsi:fake_host::3260:0:fake_iqn',
  iscsi_initiator_iqn: 'fake_iqn_initiator',
};

const CONTEXTS: readonly (readonly [what: string, options: Parameters])[] = [
  ['nothing but what a comparison needs', { ipxe_timeout: 0 }],
  ['a deployment', DEPLOY],
  [
    'a deployment by iPXE with a time limit',
    { ...DEPLOY, ipxe_timeout: 60_000, initrd_filename: 'rescue_ramdisk' },
  ],
  [
    'an instance from a ramdisk',
    { ...DEPLOY, aki_path: 'x/kernel', ari_path: 'x/ramdisk', ramdisk_opts: 'a=b c' },
  ],
  [
    'an installer with its second stage',
    {
      ...DEPLOY,
      aki_path: 'x/kernel',
      ari_path: 'x/ramdisk',
      ks_cfg_url: 'http://h/ks.cfg',
      stage2_url: 'http://h/x',
    },
  ],
  ['an installer with a repository', { ...DEPLOY, ks_cfg_url: 'http://h/ks.cfg', repo_url: 'http://h/repo' }],
  ['an ISO image', { ...DEPLOY, boot_iso_url: 'http://h/x/boot_iso' }],
  ['a volume', VOLUME],
  [
    'a volume and two more',
    {
      ...VOLUME,
      iscsi_volumes: [
        { url: 'iscsi:fake_host::3260:1:fake_iqn', username: 'u1', password: 'p1' },
        { url: 'iscsi:fake_host::3260:2:fake_iqn', username: 'u2', password: 'p2' },
      ],
    },
  ],
  ['a volume without secrets', { ...VOLUME, username: '', password: '', iscsi_volumes: [] }],
  ['what HTML would escape', { ...DEPLOY, pxe_append_params: `a<b>&"c" 'd' \\e {{ f }} {% g %} ö` }],
];

/** The one difference of the engines: Jinja drops the line end at the end of a template. */
const LINE_END = '\n';

describe.each(Object.keys(TEMPLATES) as readonly IronicTemplate[])('%s', (template) => {
  it('gives the text that Ironic makes of it, octet for octet, whatever is booted', () => {
    const jobs = CONTEXTS.map(([, options]) => ({
      template,
      parameters: {
        pxe_options: options,
        ROOT: '{{ ROOT }}',
        DISK_IDENTIFIER: '{{ DISK_IDENTIFIER }}',
        ipxe_for_mac_uri: 'pxelinux.cfg/',
        ipxe_fallback_script: 'boot-fallback.ipxe',
      },
    }));
    const expected = renderByIronic(jobs);
    for (const [index, { parameters }] of jobs.entries()) {
      const ours = templates.render(TEMPLATES[template], parameters);
      expect(ours, CONTEXTS[index]?.[0]).toBe((expected[index] ?? 'nothing') + LINE_END);
    }
  });
});

describe('a boot profile', () => {
  const UUID = 'cbe08678-b1be-4683-b8e6-bdc8515890ad';
  const profile = (changes: Partial<BootProfile>): BootProfile =>
    profileSample({
      purpose: 'deploy',
      kernel: `${UUID}/deploy_kernel`,
      ramdisk: `${UUID}/deploy_ramdisk`,
      kernelAppendParams: APPEND,
      ...changes,
    });

  function rendered(loader: Loader, changes: Partial<BootProfile> = {}): string {
    const context = { templates, tftpRoot: '/tftpboot', tftpServer: ipv4('192.168.0.1') };
    const machine = { node: nodeSample({ dhcpOptions: [] }), mac: MAC };
    return new TextDecoder().decode(renderBootFile(loader, machine, profile(changes), context));
  }

  /** Ironic's options for the same boot; both sections name the same images here. */
  function optionsOf(base: string): Parameters {
    const [kernel, ramdisk] = [`${base}${UUID}/deploy_kernel`, `${base}${UUID}/deploy_ramdisk`];
    return {
      pxe_options: {
        ...DEPLOY,
        ...{ deployment_aki_path: kernel, deployment_ari_path: ramdisk, aki_path: kernel, ari_path: ramdisk },
        initrd_filename: 'deploy_ramdisk',
      },
      DISK_IDENTIFIER: '',
    };
  }

  it.each([
    ['pxelinux', 'pxe_config.template', '', ''],
    // A documented difference: a slash in front.
    ['grub', 'pxe_grub_config.template', '/', ''],
    ['ipxe', 'ipxe_config.template', 'http://192.168.0.1:8080/', 'http://192.168.0.1:8080/'],
  ] as const)('comes out of %s as Ironic renders the same boot', (loader, template, base, url) => {
    const [expected = ''] = renderByIronic([{ template, parameters: optionsOf(base) }]);
    const images = { kernel: `${url}${UUID}/deploy_kernel`, ramdisk: `${url}${UUID}/deploy_ramdisk` };
    expect(rendered(loader, images)).toBe(expected + LINE_END);
  });

  it.each([
    ['pxelinux', 'pxe_config.template', '', '^default .*$', 'default boot_ramdisk'],
    ['grub', 'pxe_grub_config.template', '/', '^((set )?default)=.*$', '\\1=boot_ramdisk'],
  ] as const)('with the purpose instance starts the section that Ironic switches to in %s', (...row) => {
    const [loader, template, base, pattern, replacement] = row;
    const script = `import re, sys; sys.stdout.write(re.sub(r'${pattern}', r'${replacement}', sys.stdin.read(), flags=re.M))`;
    const [before = ''] = renderByIronic([{ template, parameters: optionsOf(base) }]);
    const expected = execFileSync('/usr/bin/python3', ['-c', script], { input: before, encoding: 'utf8' });
    expect(expected).not.toBe(before);
    expect(rendered(loader, { purpose: 'instance' })).toBe(expected + LINE_END);
  });
});
