import { expect, it } from 'vitest';
import { formatConfigProblem } from '../../../src/config/config-error.ts';
import { parseConfig, type ConfigSource } from '../../../src/config/parse-config.ts';

/** A configuration that says something wrong. */
export interface Mistake {
  readonly name: string;
  readonly text: string;
  /** All problems, without the file's name. */
  readonly expected: readonly string[];
}

export const SOURCE: ConfigSource = {
  file: 'f',
  folder: '/etc/bootd',
  shippedTemplates: '/usr/share/bootd/templates',
};

/** Every problem of a configuration as it is printed. */
export function problemsOf(text: string): readonly string[] {
  return parseConfig(text, SOURCE).problems.map(formatConfigProblem);
}

/** A configuration without any problem whose `dhcp` section ends with the lines given, indented below it. */
export function inDhcp(...lines: readonly string[]): string {
  return ['interfaces: [eth0]', 'dhcp:', ...lines.map((line) => `  ${line}`)].join('\n');
}

/** As inDhcp, with a subnet in line 3 and what follows it from line 4 on. */
export function withSubnet(...lines: readonly string[]): string {
  return inDhcp('subnets: [{ subnet: 10.0.0.0/24 }]', ...lines);
}

/** One test for each mistake: exactly the problems expected, at exactly their places. */
export function expectMistakes(mistakes: readonly Mistake[]): void {
  it.each(mistakes.map((mistake) => [mistake.name, mistake] as const))('%s', (_, { text, expected }) => {
    expect(problemsOf(text)).toEqual(expected.map((problem) => `f:${problem}`));
  });
}
