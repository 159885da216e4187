import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { evaluateBoolean } from '../../../src/dhcp/class-evaluation.ts';
import { parseClassExpression } from '../../../src/dhcp/class-expression-parser.ts';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';
import { decodeDhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { capturedPayloads, keptTexts, projectText, sampleTexts } from '../corpus.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';

const KEYS = [
  ...[
    'interfaces',
    'dhcp',
    'tftp',
    'http',
    'http-boot',
    'boot',
    'control',
    'subnets',
    'ranges',
    'range',
    'options',
    'classes',
    'match',
  ],
  ...[
    'reservations',
    'fixed-address',
    'hardware-ethernet',
    'client-identifier',
    'option-definitions',
    'code',
    'type',
    'allow',
    'deny',
  ],
  ...[
    '192.168.0.0/24',
    '192.168.0.10-192.168.0.20',
    '0.0.0.0/0',
    '255.255.255.255',
    '52:54:00:00:00:01',
    'array of ip-address',
    '{ hex: ff }',
  ],
];
const YAML_SIGNS = [
  '- ',
  ': ',
  '? ',
  '&a ',
  '*a',
  '<<: *a',
  '|',
  '>-',
  '!!binary ',
  '!!set ',
  '---\n',
  '...\n',
  '%YAML 1.2\n',
  '{a: 1}',
  '[1, 2]',
  '? [a]\n',
];

function openConfiguration(): OpenTarget {
  return textTarget({
    limitMs: 1000,
    seeds: [
      projectText('docs/examples/bootd.yaml'),
      ...sampleTexts('data', '.yaml').filter((text) => text.includes('dhcp')),
      ...keptTexts('configuration'),
    ],
    tokens: [...KEYS, ...YAML_SIGNS],
    check: checkConfiguration,
  });
}

/** Settings, or problems with places inside of the text. */
export function checkConfiguration(text: string): FuzzVerdict {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  let problems;
  let verdict: FuzzVerdict = 'taken';
  try {
    problems = loadConfig('/etc/bootd/bootd.yaml', () => text).warnings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    ({ problems } = error);
    verdict = 'refused';
  }
  for (const { line, column, message } of problems) {
    mustHold(line >= 1 && line <= lines.length, () => `line ${line} of ${lines.length}: ${message}`);
    mustHold(
      column >= 1 && column <= (lines[line - 1] ?? '').length + 1,
      () => `line ${line}, column ${column}: ${message}`,
    );
    mustHold(
      !/\bundefined\b|\[object|\bNaN\b/.test(message) || /undefined|NaN|object/.test(text),
      () => message,
    );
  }
  return verdict;
}

const WORDS = [
  ...[
    'option',
    'exists',
    'known',
    'and',
    'or',
    'not',
    '(',
    ')',
    ',',
    '=',
    '!=',
    '"x"',
    '"',
    '1:2',
    'ff',
    '7',
    'hardware',
    'substring',
    'concat',
  ],
  ...[
    'suffix',
    'encode-int',
    'binary-to-ascii',
    'user-class',
    'agent.circuit-id',
    'vendor-class-identifier',
    'packet',
    '~',
    'ü',
    'lcase',
    'ucase',
  ],
];

function openExpression(): OpenTarget {
  const catalogue = new OptionCatalogue();
  const messages = capturedPayloads('golden/dhcp', [67]).slice(0, 4).map(decodeDhcpMessage);
  return textTarget({
    limitMs: 100,
    seeds: [
      'substring (option vendor-class-identifier, 0, 9) = "PXEClient"',
      'option user-class = "iPXE" and not (exists agent.circuit-id or known)',
      'option agent.circuit-id = "rack7" or substring (hardware, 1, 3) = 52:54:00',
      ...keptTexts('class-expression'),
    ],
    tokens: WORDS,
    generate: (random) => Array.from({ length: random.small(20) }, () => random.pick(WORDS)).join(' '),
    check: (source) => {
      const parsed = parseClassExpression(source, catalogue);
      if (parsed.kind === 'problem') {
        const { offset } = parsed.problem;
        mustHold(offset >= 0 && offset <= source.length, () => `a problem at ${offset}`);
        return 'refused';
      }
      for (const message of messages) evaluateBoolean(parsed.expression, { message, isKnown: false });
      return 'taken';
    },
  });
}

export const CONFIGURATION_TARGETS: readonly FuzzTarget[] = [
  { name: 'configuration', reads: 'bootd.yaml: YAML, its shape, its meaning', open: openConfiguration },
  {
    name: 'class-expression',
    reads: 'expressions of classes, evaluated for requests of real machines',
    open: openExpression,
  },
];
