import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { renderBootFile } from '../../../src/boot/boot-files.ts';
import { LOADERS, TemplateError } from '../../../src/boot/template.ts';
import { formatConfigProblem } from '../../../src/config/config-error.ts';
import { loadTemplates } from '../../../src/services/template-folder.ts';
import { TemplateService } from '../../../src/services/template-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { ipv4, MAC, nodeSample, profileSample } from '../boot/samples.ts';

const SHIPPED = resolve(import.meta.dirname, '../../../tftpboot-templates');
const IRONIC = '/usr/lib/python3/dist-packages/ironic/drivers/modules';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-templates-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

async function load(): Promise<{ names: readonly string[]; problems: readonly string[] }> {
  const { sources, problems } = await loadTemplates(folder, folder);
  return {
    names: [...sources.keys()],
    problems: problems.map((problem) => formatConfigProblem(problem).replace(`${folder}/`, '')),
  };
}

describe('loadTemplates', () => {
  it('takes what its own folder does not have from the shipped one', async () => {
    put('grub.tmpl', 'mine {{ node.name }}\n');
    const { templates, problems } = await loadTemplates(folder, SHIPPED);
    expect(problems).toEqual([]);
    expect(templates.render('grub', { node: { name: 'bm1' } })).toBe('mine bm1\n');
    expect(templates.render('pxelinux-local-disk', {})).toContain('localboot 0');
    expect(templates.has('grub-nothing')).toBe(false);
  });

  it('passes over other files', async () => {
    put('README.md', '{{ nothing }}');
    put('.grub.tmpl.swp', '{{ nothing }}');
    expect(await load()).toEqual({ names: [], problems: [] });
  });

  it('names every mistake with file, line and column, and keeps the good templates', async () => {
    put('grub.tmpl', 'set timeout=0\nlinux {{ profile.kernal }}\n');
    put('ipxe.tmpl', '#!ipxe\n{% if port.mac %}\n');
    put('pxelinux.tmpl', 'default {{ profile.purpose }}\n');
    put('uboot.tmpl', 'x');
    expect(await load()).toEqual({
      names: ['pxelinux.tmpl'],
      problems: [
        'grub.tmpl:2:17: unknown variable profile.kernal; tftpboot-templates/README.md lists those that there are',
        'ipxe.tmpl:2:1: {% if %} has no {% endif %}',
        'uboot.tmpl:1:1: the name must begin with pxelinux, grub, ipxe: it says how to quote',
      ],
    });
  });

  it('leaves out what includes a template that is not there, or not good', async () => {
    put('grub.tmpl', 'x\n{% include "grub-part.tmpl" %}\n');
    put('grub-part.tmpl', '{% include "grub-nothing.tmpl" %}\n');
    expect(await load()).toEqual({
      names: [],
      problems: [
        'grub-part.tmpl:1:4: there is no usable template grub-nothing.tmpl',
        'grub.tmpl:2:4: there is no usable template grub-part.tmpl',
      ],
    });
  });

  it('leaves out what includes itself', async () => {
    put('grub.tmpl', '{% include "grub-a.tmpl" %}');
    put('grub-a.tmpl', '{% include "grub-b.tmpl" %}');
    put('grub-b.tmpl', '{% include "grub-a.tmpl" %}');
    const { names, problems } = await load();
    expect(names).toEqual([]);
    expect(problems).toEqual([
      'grub-a.tmpl:1:1: the template includes itself',
      'grub-b.tmpl:1:1: the template includes itself',
      'grub.tmpl:1:4: there is no usable template grub-a.tmpl',
    ]);
  });

  it('finds what only fails while it renders, with the line in the included file', async () => {
    put('grub.tmpl', 'x\n\n{% include "grub-part.tmpl" %}\n');
    put('grub-part.tmpl', 'a\nb {{ node.name.first() }}\n');
    const { problems } = await load();
    expect(problems[0]).toBe('grub-part.tmpl:2:21: a value has no functions here: use a filter');
    put('grub-part.tmpl', 'a\n{{ node.name | join(",") | groupby("x") }}\n{{ node.name | batch }}\n');
    expect((await load()).problems[0]).toMatch(/^grub-part\.tmpl:\d:1: .+/);
  });

  it('reports a folder that cannot be read', async () => {
    const { problems } = await loadTemplates(join(folder, 'nothing'), SHIPPED);
    expect(problems.map(formatConfigProblem)).toEqual([
      `${folder}/nothing:1:1: cannot be read: ENOENT: no such file or directory, scandir '${folder}/nothing'`,
    ]);
  });

  it('throws TemplateError for a template that it does not have', async () => {
    const { templates } = await loadTemplates(folder, folder);
    expect(() => templates.render('grub', {})).toThrow(TemplateError);
    expect(() => templates.render('grub', {})).toThrow('there is no usable template of this name');
  });

  it("takes the installed Ironic's own templates as they are", async ({ skip }) => {
    if (!existsSync(IRONIC)) skip('needs the Debian package python3-ironic');
    copyFileSync(join(IRONIC, 'pxe_config.template'), join(folder, 'pxelinux.tmpl'));
    copyFileSync(join(IRONIC, 'pxe_grub_config.template'), join(folder, 'grub.tmpl'));
    copyFileSync(join(IRONIC, 'ipxe_config.template'), join(folder, 'ipxe.tmpl'));
    const { templates, problems } = await loadTemplates(folder, SHIPPED);
    expect(problems).toEqual([]);
    const context = { templates, tftpRoot: '/tftpboot', tftpServer: ipv4('192.168.0.1') };
    for (const loader of LOADERS) {
      const machine = { node: nodeSample(), mac: MAC };
      const text = new TextDecoder().decode(renderBootFile(loader, machine, profileSample(), context));
      expect(text).toContain('deploy_kernel');
      expect(text).toContain('console=ttyS0,115200');
    }
  });
});

describe('TemplateService', () => {
  const lines: { event?: string; message?: string }[] = [];
  const metrics = createMetrics();
  let service: TemplateService;
  beforeEach(() => {
    lines.length = 0;
    const logger = pino(
      { messageKey: 'message' },
      { write: (line: string) => lines.push(JSON.parse(line) as { event?: string }) },
    );
    service = new TemplateService({ folder, shippedFolder: SHIPPED, logger, metrics });
  });
  afterEach(() => service.stop());

  const WAIT = { timeout: 10_000, interval: 50 };

  it('reads a changed template again, and keeps the last good one when it is bad', async () => {
    put('grub.tmpl', 'first\n');
    await service.start();
    expect(service.render('grub', {})).toBe('first\n');

    put('grub.tmpl', 'second\n');
    await vi.waitFor(() => expect(service.render('grub', {})).toBe('second\n'), WAIT);

    put('grub.tmpl', 'third {{ nonsense }}\n');
    await vi.waitFor(() => expect(service.problems).toHaveLength(1), WAIT);
    expect(formatConfigProblem(service.problems[0]!)).toBe(
      `${folder}/grub.tmpl:1:10: unknown variable nonsense; tftpboot-templates/README.md lists those that there are`,
    );
    expect(service.render('grub', {})).toBe('second\n');
    expect(lines.filter(({ event }) => event === 'template.failed')).not.toEqual([]);

    put('grub.tmpl', 'fourth\n');
    await vi.waitFor(() => expect(service.render('grub', {})).toBe('fourth\n'), WAIT);
    expect(service.problems).toEqual([]);
  });

  it('notices a file that an editor renames into place, a new one, and one that is gone', async () => {
    put('grub.tmpl', 'first\n');
    await service.start();
    put('grub.tmpl~', 'renamed\n');
    renameSync(join(folder, 'grub.tmpl~'), join(folder, 'grub.tmpl'));
    await vi.waitFor(() => expect(service.render('grub', {})).toBe('renamed\n'), WAIT);

    put('grub-rescue.tmpl', 'rescue\n');
    await vi.waitFor(() => expect(service.has('grub-rescue')).toBe(true), WAIT);

    rmSync(join(folder, 'grub-rescue.tmpl'));
    rmSync(join(folder, 'grub.tmpl'));
    await vi.waitFor(() => expect(service.has('grub-rescue')).toBe(false), WAIT);
    const shipped = await loadTemplates(SHIPPED, SHIPPED);
    expect(service.render('grub', {})).toBe(shipped.templates.render('grub', {}));
  });

  it('tells once what is read twice, and again what is written anew', async () => {
    const told = (): unknown[] => lines.flatMap(({ event }) => (event === undefined ? [] : [event]));
    put('grub.tmpl', '{{ nonsense }}\n');
    await service.start();
    expect(told()).toEqual(['template.failed', 'template.loaded']);
    // As when the folder is swapped together with the configuration, which is read again for both.
    await service.reload();
    expect(told()).toHaveLength(2);
    put('grub.tmpl', '{{ nonsense }} still\n');
    await vi.waitFor(() => expect(told().slice(2)).toEqual(['template.failed', 'template.loaded']), WAIT);
  });

  it('starts without a template that was never good, and says so', async () => {
    put('grub.tmpl', '{{ nonsense }}');
    await service.start();
    expect(service.problems).toHaveLength(1);
    expect(service.has('grub')).toBe(false);
    expect(service.has('pxelinux')).toBe(true);
  });

  it('counts failures', async () => {
    put('grub.tmpl', '{{ nonsense }}');
    await service.start();
    expect(await metrics.registry.metrics()).toMatch(/^bootd_template_failures_total [1-9]/m);
  });

  it('can be stopped twice, and without having been started', async () => {
    await service.stop();
    await service.start();
    await service.stop();
    await service.stop();
  });
});

describe('the shipped templates', () => {
  it('are there for each loader: the kernel, the local disk, the menu', async () => {
    const { templates } = await loadTemplates(SHIPPED, SHIPPED);
    for (const loader of LOADERS) {
      for (const name of [loader, `${loader}-local-disk`, `${loader}-default`]) {
        expect(templates.has(name), name).toBe(true);
      }
    }
  });

  it('mention nothing in README.md that is not there', () => {
    const readme = readFileSync(join(SHIPPED, 'README.md'), 'utf8');
    for (const [, name] of readme.matchAll(/^\| .*`([a-z-]+\.tmpl)`/gm)) {
      expect(existsSync(join(SHIPPED, name!)), name).toBe(true);
    }
  });
});
