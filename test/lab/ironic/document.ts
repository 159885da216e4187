import { readFileSync } from 'node:fs';

const DOCUMENT = new URL('../../../docs/ironic.md', import.meta.url);

/** The fenced blocks of one language in a section of docs/ironic.md, in their order, as they stand there. */
export function documentedBlocks(heading: string, language: string): readonly string[] {
  const lines = readFileSync(DOCUMENT, 'utf8').split('\n');
  const start = lines.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`docs/ironic.md has no section "${heading}"`);
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## '));
  const section = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
  return [...section.matchAll(/^```(\S+)\n([^]*?)^```$/gm)].flatMap(([, named, text = '']) =>
    named === language ? [text] : [],
  );
}

/** The only block of its language in a section. */
export function documentedBlock(heading: string, language: string): string {
  const [block, ...others] = documentedBlocks(heading, language);
  if (block === undefined || others.length > 0) {
    throw new Error(
      `docs/ironic.md, "${heading}": ${others.length === 0 ? 'no' : 'more than one'} ${language} block`,
    );
  }
  return block;
}
