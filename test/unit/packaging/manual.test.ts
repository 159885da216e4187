import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeProgram } from '../../../packaging/manual/described-program.ts';
import { markdownPage } from '../../../packaging/manual/markdown-page.ts';
import { programPage } from '../../../packaging/manual/program-page.ts';
import { everyCommand } from '../../../src/cli/command-tree.ts';
import { needs } from '../../lab/needs.ts';
import { run } from '../cli/run.ts';

const edition = { version: '1.2.3', day: '2026-11-23' };
const name = { name: 'bootd.yaml', section: 5, summary: 'configuration of bootd' } as const;
const reference = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const program = describeProgram();
const programText = programPage(edition, program);
const configurationText = markdownPage(edition, reference, name);

/** What is read on the screen, without the marks of the formatter. */
function words(page: string): string {
  return page
    .replace(/^\.(?:S[HS]|BR|IP \\\(bu 2|TP|PP|RS 4|RE|EX|EE|br|TH|nh|ad l).*$/gm, (line) =>
      line.replace(/^\.\S+/, ''),
    )
    .replace(/\\f[BIR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\(ga', '`')
    .replaceAll('\\(rs', '\\')
    .replaceAll('\\&', '')
    .replace(/\s+/g, ' ');
}

describe('bootd(8)', () => {
  const text = words(programText);

  it.each(everyCommand(program).map((command) => [command.path.join(' '), command] as const))(
    '%s: says what its help says',
    async (path, command) => {
      const help = (await run([...command.path.slice(1), '--help'])).out;
      for (const option of command.options) {
        expect(help).toContain(option.long);
        expect(text).toContain(option.long);
        expect(text.toLowerCase()).toContain(option.description.toLowerCase());
      }
      if (command.commands.length === 0) expect(text).toContain(path);
      for (const line of command.notes.split('\n')) expect(help).toContain(line);
      expect(text).toContain(command.notes.replace(/\s+/g, ' '));
    },
  );

  it('has the notes of commands that bring some', () => {
    expect(everyCommand(program).filter(({ notes }) => notes !== '').length).toBeGreaterThan(3);
  });
});

describe('bootd.yaml(5)', () => {
  const text = words(configurationText);

  it('has every key of the reference, with its meaning', () => {
    const rows = [...reference.matchAll(/^\| `([^`]+)` \| .*? \| .*? \| (live|restart) \| (.+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(100);
    const plain = (markdown: string): string =>
      markdown
        .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
        .replace(/[`]|\*\*/g, '')
        .replaceAll('\\|', '|');
    for (const [, key, reload] of rows) {
      expect(text).toContain(`${key ?? ''} `);
      expect(text).toContain(`reload: ${reload ?? ''})`);
    }
    const lost = rows.map(([, , , meaning]) => plain(meaning ?? '')).filter((one) => !text.includes(one));
    expect(lost).toEqual([]);
  });

  it('has every example, line by line as it stands', () => {
    const examples = [...reference.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, lines]) => lines ?? '');
    expect(examples.length).toBeGreaterThan(5);
    const shown = [...configurationText.matchAll(/^\.EX\n([\s\S]*?)^\.EE/gm)].map(([, lines]) =>
      (lines ?? '').replaceAll('\\-', '-').replaceAll('\\(aq', "'"),
    );
    for (const example of examples) expect(shown).toContain(example);
  });
});

describe('what a formatter could take for a request', () => {
  it('is text', () => {
    const document =
      "# x\n\n## `a`\n\n.TH is no request, 'x neither; \\fB is text, `C:\\n`.\n\n```\n.so /etc/passwd\n'y\n```\n";
    expect(markdownPage(edition, document, name).split('.SH DESCRIPTION\n')[1]).toBe(
      `.SH a\n\\&.TH is no request, 'x neither; \\(rsfB is text, \\fBC:\\(rsn\\fR\\&.\n.PP\n.RS 4\n.EX\n\\&.so /etc/passwd\n\\(aqy\n.EE\n.RE\n`,
    );
  });
});

describe('mandoc', () => {
  needs('mandoc');
  const folder = mkdtempSync(join(tmpdir(), 'bootd-manual-'));
  beforeAll(() => {
    writeFileSync(join(folder, 'bootd.8'), programText);
    writeFileSync(join(folder, 'bootd.yaml.5'), configurationText);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['bootd.8', 'bootd.yaml.5'])('finds nothing to complain about in %s', (page) => {
    const { stdout, status } = spawnSync('mandoc', ['-T', 'lint', '-W', 'style', join(folder, page)], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
