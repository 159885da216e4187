import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { TEMPLATE_VARIABLES, type VariableKind } from '../boot/template-variables.ts';
import {
  LOADERS,
  loaderOfTemplate,
  TemplateError,
  type TemplateSet,
  type TemplateValue,
  type TemplateVariables,
} from '../boot/template.ts';
import type { ConfigProblem } from '../config/config-error.ts';
import {
  createEnvironment,
  ENDING,
  NunjucksTemplates,
  type TemplateSource,
  type TemplateSources,
} from './template-engine.ts';
import { checkTemplateSyntax } from './template-syntax.ts';

/** The templates of a folder that are good, and what is wrong with the others. */
export interface LoadedTemplates {
  readonly templates: TemplateSet;
  /** What `templates` was made of: the last good ones, when the next load finds a mistake. */
  readonly sources: TemplateSources;
  readonly problems: readonly ConfigProblem[];
  /** What stood in the files, with and without mistakes. */
  readonly read: TemplateSources;
}

/**
 * Reads `*.tmpl` of a folder; what it does not have is taken from the shipped folder. A template with a mistake is
 * left out, or stays as it was in `lastGood`.
 */
export async function loadTemplates(
  folder: string,
  shippedFolder: string,
  lastGood: TemplateSources = new Map(),
): Promise<LoadedTemplates> {
  const problems: ConfigProblem[] = [];
  const shipped = (await readTemplates(shippedFolder, problems)) ?? new Map<string, TemplateSource>();
  const own = folder === shippedFolder ? shipped : await readTemplates(folder, problems);
  // A folder that cannot be read has not changed its templates; it only cannot be read.
  const read: TemplateSources = new Map([...shipped, ...(own ?? lastGood)]);
  const sources = new Map<string, TemplateSource>(read);
  for (;;) {
    const faulty = faultyTemplates(sources);
    if (faulty.length === 0) break;
    for (const { name, problems: found } of faulty) {
      problems.push(...found);
      const current = sources.get(name);
      const previous = lastGood.get(name);
      if (previous === undefined || previous.text === current?.text) sources.delete(name);
      else sources.set(name, previous);
    }
  }
  return { templates: new NunjucksTemplates(sources), sources, problems, read };
}

/** Undefined when the folder cannot be read, which is one of the problems. */
async function readTemplates(
  folder: string,
  problems: ConfigProblem[],
): Promise<TemplateSources | undefined> {
  const sources = new Map<string, TemplateSource>();
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING)).sort();
    for (const name of names) {
      const file = join(folder, name);
      sources.set(name, { file, text: await readFile(file, 'utf8') });
    }
    return sources;
  } catch (error) {
    problems.push(problemAt(folder, 1, 1, `cannot be read: ${messageOf(error)}`));
    return undefined;
  }
}

interface FaultyTemplate {
  readonly name: string;
  readonly problems: readonly ConfigProblem[];
}

/** What is wrong with each of these templates on its own; then, when none is, with all of them together. */
function faultyTemplates(sources: TemplateSources): readonly FaultyTemplate[] {
  const environment = createEnvironment(sources);
  const includes = new Map<string, readonly string[]>();
  const faulty: FaultyTemplate[] = [];
  for (const [name, { file, text }] of sources) {
    const syntax = checkTemplateSyntax(text, environment);
    const missing = syntax.includes
      .filter((include) => !sources.has(include.file))
      .map((include) => ({ ...include, message: `there is no usable template ${include.file}` }));
    const problems = [...syntax.problems, ...missing].map(({ line, column, message }) =>
      problemAt(file, line, column, message),
    );
    if (loaderOfTemplate(basename(name, ENDING)) === undefined) {
      problems.push(
        problemAt(file, 1, 1, `the name must begin with ${LOADERS.join(', ')}: it says how to quote`),
      );
    }
    if (problems.length > 0) faulty.push({ name, problems });
    includes.set(
      name,
      syntax.includes.map((include) => include.file),
    );
  }
  if (faulty.length > 0) return faulty;
  return faultyInclusions(sources, includes) ?? faultyRenderings(sources);
}

/** A template that includes itself, over however many others, would never end. */
function faultyInclusions(
  sources: TemplateSources,
  includes: ReadonlyMap<string, readonly string[]>,
): readonly FaultyTemplate[] | undefined {
  const reaches = (from: string, wanted: string, seen: Set<string>): boolean =>
    (includes.get(from) ?? []).some((next) => {
      if (next === wanted) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(next, wanted, seen);
    });
  const faulty = [...sources]
    .filter(([name]) => reaches(name, name, new Set()))
    .map(([name, { file }]) => ({ name, problems: [problemAt(file, 1, 1, 'the template includes itself')] }));
  return faulty.length > 0 ? faulty : undefined;
}

/** Renders each template with every value there and with none, which shows what only fails in the engine. */
function faultyRenderings(sources: TemplateSources): readonly FaultyTemplate[] {
  const templates = new NunjucksTemplates(sources);
  const faulty: FaultyTemplate[] = [];
  for (const name of sources.keys()) {
    try {
      templates.render(basename(name, ENDING), SAMPLE_VARIABLES);
      templates.render(basename(name, ENDING), {});
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      faulty.push({ name, problems: [problemAt(error.file, error.line ?? 1, 1, error.message)] });
    }
  }
  return faulty;
}

const SAMPLE_BY_KIND: Readonly<Record<VariableKind, TemplateValue>> = {
  word: 'word',
  arguments: 'two words',
  number: 0,
  list: [],
};

const SAMPLE_VARIABLES = sampleVariables();

function sampleVariables(): TemplateVariables {
  const variables: Record<string, TemplateValue> = {};
  const maps = new Map<string, Record<string, TemplateValue>>();
  for (const { name, kind } of TEMPLATE_VARIABLES) {
    const [first = name, member] = name.split('.');
    if (member === undefined) {
      variables[first] = SAMPLE_BY_KIND[kind];
      continue;
    }
    const map = maps.get(first) ?? {};
    map[member] = SAMPLE_BY_KIND[kind];
    maps.set(first, map);
    variables[first] = map;
  }
  return variables;
}

function problemAt(file: string, line: number, column: number, message: string): ConfigProblem {
  return { severity: 'error', file, line, column, message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
