import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkConfiguration,
  problemWithReference,
  type FurtherCheck,
} from '../../../src/config/check-configuration.ts';
import { ConfigError, formatConfigProblem } from '../../../src/config/config-error.ts';
import { loadConfig, SHIPPED_TEMPLATES } from '../../../src/config/load-config.ts';
import type { ReferencedFiles } from '../../../src/config/referenced-files.ts';
import type { BootdSettings } from '../../../src/config/settings.ts';

const GOOD = 'tftp: { root: srv, map-file: map, listen: [127.0.0.1] }\n';
const BAD = 'tftp: { root: srv, map-file: map, listen: [127.0.0.1], prot: 69 }\n';

const reading = (text: string) => (): string => text;

const missing = (): string => {
  throw new Error("ENOENT: no such file or directory, open 'bootd.yaml'");
};

describe('loadConfig', () => {
  it('gives settings and warnings', () => {
    const { settings, warnings } = loadConfig('conf/bootd.yaml', reading('tftp: { root: srv }\n'));
    expect(settings.tftp?.root).toBe(resolve('conf/srv'));
    expect(warnings.map((warning) => warning.severity)).toEqual(['warning']);
  });

  it('reads the file that it is given', () => {
    const asked: string[] = [];
    loadConfig('conf/bootd.yaml', (file) => {
      asked.push(file);
      return GOOD;
    });
    expect(asked).toEqual(['conf/bootd.yaml']);
  });

  it('uses the shipped templates where none are named', () => {
    expect(loadConfig('bootd.yaml', reading(GOOD)).settings.templatesDirectory).toBe(SHIPPED_TEMPLATES);
    expect(SHIPPED_TEMPLATES).toBe(resolve(import.meta.dirname, '../../../tftpboot-templates'));
  });

  it.each([
    ['a mistake', reading(BAD), "bootd.yaml:1:56: unknown key 'prot'; did you mean 'port'?"],
    [
      'a file that cannot be read',
      missing,
      "bootd.yaml:1:1: cannot be read: ENOENT: no such file or directory, open 'bootd.yaml'",
    ],
  ])('throws ConfigError for %s', (_, read, message) => {
    let thrown: unknown;
    try {
      loadConfig('bootd.yaml', read);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).message).toBe(message);
  });
});

describe('checkConfiguration', () => {
  it('finds nothing in a good one', async () => {
    expect(await checkConfiguration('bootd.yaml', reading(GOOD), [])).toEqual([]);
  });

  it('reports a file that cannot be read', async () => {
    const problems = await checkConfiguration('bootd.yaml', missing, []);
    expect(problems.map((problem) => problem.line)).toEqual([1]);
  });

  it('sorts the errors of further checks into the list: the configuration first, then other files by name', async () => {
    const checkMapFile: FurtherCheck = ({ mapFile }) =>
      mapFile === undefined
        ? []
        : [
            { severity: 'error', file: mapFile.path, line: 7, column: 1, message: 'late' },
            { severity: 'error', file: mapFile.path, line: 2, column: 3, message: 'early' },
          ];
    const checkTemplates: FurtherCheck = ({ templates, tftpRoot }) =>
      Promise.resolve([
        { severity: 'error', file: `${templates.path}/a.tmpl`, line: 1, column: 1, message: 'template' },
        ...(tftpRoot === undefined ? [] : [problemWithReference(tftpRoot, 'is no folder', 'warning')]),
      ]);
    const problems = await checkConfiguration('/c/bootd.yaml', reading(`templates: /a\n${BAD}`), [
      checkMapFile,
      checkTemplates,
    ]);
    expect(problems.map(formatConfigProblem)).toEqual([
      "/c/bootd.yaml:2:56: unknown key 'prot'; did you mean 'port'?",
      '/a/a.tmpl:1:1: template',
      '/c/map:2:3: early',
      '/c/map:7:1: late',
    ]);
  });

  it('tells further checks what is named, with settings only when they can be used', async () => {
    const seen: [ReferencedFiles, BootdSettings | undefined][] = [];
    const note: FurtherCheck = (files, settings) => {
      seen.push([files, settings]);
      return [];
    };
    for (const text of [GOOD, BAD, 'a: [', '']) await checkConfiguration('/c/f', reading(text), [note]);
    expect(seen.map(([files]) => files.mapFile?.path)).toEqual(['/c/map', '/c/map', undefined, undefined]);
    expect(seen.map(([files]) => files.mapFile?.namedAt)).toEqual([
      { line: 1, column: 30 },
      { line: 1, column: 30 },
      undefined,
      undefined,
    ]);
    expect(seen.map(([, settings]) => settings?.tftp?.mapFile)).toEqual([
      '/c/map',
      undefined,
      undefined,
      undefined,
    ]);
  });
});
