import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { imported } from './imported.ts';

/**
 * Configurations of growing difficulty, each of which dhcpd 4.4.3 accepts. Beside each stands what it comes to: NAME.yaml, and NAME.losses
 * with what is listed on standard error. `npx vitest -u` writes these anew.
 */
const SAMPLES = resolve(import.meta.dirname, '../../data/dhcpd-conf');
const names = readdirSync(SAMPLES)
  .filter((name) => name.endsWith('.conf'))
  .map((name) => name.replace(/\.conf$/, ''))
  .sort();

function read(name: string): string {
  return readFileSync(join(SAMPLES, name), 'utf8');
}

describe('samples', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(12);
  });

  it.each(names)('%s becomes the golden bootd.yaml, with the golden losses', async (name) => {
    const { yaml, lines } = imported(read(`${name}.conf`), `${name}.conf`);
    await expect(yaml).toMatchFileSnapshot(join(SAMPLES, `${name}.yaml`));
    await expect(lines.map((line) => `${line}\n`).join('')).toMatchFileSnapshot(
      join(SAMPLES, `${name}.losses`),
    );
  });

  it.each(names)('%s passes `bootd check`', (name) => {
    expect(imported(read(`${name}.conf`)).errors).toEqual([]);
  });

  it.each(names)('no statement of %s goes without a trace', (name) => {
    const text = read(`${name}.conf`);
    const whole = traceOf(text);
    const untraced = statementsIn(text).filter(({ start, end, statement }) => {
      const blanked = text.slice(0, start) + ' '.repeat(end - start) + text.slice(end);
      return !SAYS_NOTHING.test(statement) && traceOf(blanked) === whole;
    });
    expect(untraced.map(({ statement }) => statement)).toEqual([]);
  });
});

/**
 * A space is there as soon as it has an option, after the last case of a `switch` nothing follows, a pool is open to all anyway, and what
 * two declarations of one machine say alike is said once.
 */
const SAYS_NOTHING = /^(?:option space \w+|break|allow all clients|option host-name "twice")$/;

/** Blocks that are listed as wholes. */
const LISTED_WHOLE = /^(?:on|zone|key|failover)\b/;

/** Everything that an import comes to: what is not here has no trace. */
function traceOf(text: string): string {
  try {
    const { yaml, lines } = imported(text);
    return JSON.stringify([yaml, lines]);
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}

interface Statement {
  readonly statement: string;
  readonly start: number;
  readonly end: number;
}

/** The statements with a semicolon that do not stand in a block that is listed as a whole; comments are left out. */
function statementsIn(text: string): readonly Statement[] {
  const code = text.replace(/#.*/g, (comment) => ' '.repeat(comment.length));
  const statements: Statement[] = [];
  const heads: string[] = [];
  let start = 0;
  for (const { index, 0: sign } of code.matchAll(/[;{}]/g)) {
    const content = code.slice(start, index);
    const statement = content.trim();
    if (sign === '{') heads.push(statement);
    else if (sign === '}') heads.pop();
    else if (
      statement !== '' &&
      !statement.startsWith('case') &&
      !heads.some((head) => LISTED_WHOLE.test(head))
    ) {
      statements.push({ statement, start: index - content.trimStart().length, end: index + 1 });
    }
    start = index + 1;
  }
  return statements;
}

describe('the installation of the application note', () => {
  const example = readFileSync(resolve(import.meta.dirname, '../../../docs/examples/bootd.yaml'), 'utf8');

  it('means the same as the bootd.yaml that was written by hand, where both say something', () => {
    const byHand = parseConfig(example, { file: 'f', folder: '/', shippedTemplates: '/t' }).settings?.dhcp;
    const { dhcp } = imported(read('01-seed.conf'));
    expect(common(dhcp)).toEqual(common(byHand));
    expect(dhcp?.reservations).toEqual([]);
    expect(dhcp?.classes).toEqual([]);
  });
});

/** Without what dhcpd.conf of 2017 could not say, or left unsaid. */
function common(dhcp: DhcpSettings | undefined): unknown {
  if (dhcp === undefined) throw new Error('the configuration cannot be used');
  const { parameters } = dhcp;
  return {
    ...dhcp,
    reservations: [],
    httpBoot: undefined,
    parameters: { ...parameters, filenameByFirmware: undefined, pingCheck: undefined, options: new Map() },
  };
}
