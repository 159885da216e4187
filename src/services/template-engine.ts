import nunjucks from 'nunjucks';
import {
  TemplateError,
  type TemplateSet,
  type TemplateValue,
  type TemplateVariables,
} from '../boot/template.ts';
import { pythonModulo } from './python-format.ts';

/** Of every template's file. */
export const ENDING = '.tmpl';

/** One template's text, as it was read. */
export interface TemplateSource {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
}

/** Templates by file name (`grub.tmpl`). */
export type TemplateSources = ReadonlyMap<string, TemplateSource>;

/** Nunjucks speaks Jinja's language, but for Python's own expressions; values are quoted before they reach it. */
export class NunjucksTemplates implements TemplateSet {
  readonly #sources: TemplateSources;
  readonly #environment: nunjucks.Environment;

  constructor(sources: TemplateSources) {
    this.#sources = sources;
    this.#environment = createEnvironment(sources);
  }

  has(name: string): boolean {
    return this.#sources.has(name + ENDING);
  }

  render(name: string, variables: TemplateVariables): string {
    const source = this.#sources.get(name + ENDING);
    if (source === undefined) {
      throw new TemplateError(name + ENDING, undefined, 'there is no usable template of this name');
    }
    try {
      return this.#environment.render(name + ENDING, withPythonsTruth(variables));
    } catch (error) {
      throw this.#templateError(error, source);
    }
  }

  /** The engine names the innermost template last, as `(grub.tmpl) [Line 2, Column 10]`, and counts from 0 here. */
  #templateError(error: unknown, outermost: TemplateSource): TemplateError {
    const text = messageOf(error);
    const place = [...text.matchAll(/\(([^()\n]+)\)(?: \[Line (\d+), Column \d+\])?/g)].at(-1);
    const file = this.#sources.get(place?.[1] ?? '')?.file ?? outermost.file;
    const line = place?.[2] === undefined ? undefined : Number(place[2]) + 1;
    const message =
      text
        .split('\n')
        .at(-1)
        ?.trim()
        .replace(/^Error: /, '') ?? text;
    return new TemplateError(file, line, message);
  }
}

/** An empty list is false in Python, and true in JavaScript: nothing stands in its place, which a loop passes over as well. */
function withPythonsTruth(variables: TemplateVariables): TemplateVariables {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, truthOf(value)]));
}

function truthOf(value: TemplateValue): TemplateValue {
  if (typeof value !== 'object') return value;
  if (isList(value)) return value.length === 0 ? undefined : value.map(truthOf);
  return withPythonsTruth(value);
}

function isList(value: TemplateValue & object): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

/** What the engine has and its type declarations leave out: each node of the syntax tree is compiled by a method. */
interface CompilerInternals {
  readonly compiler: {
    readonly Compiler: {
      readonly prototype: {
        compileMod(this: CompilerInternals['compilerInstance'], node: ModuloNode, frame: unknown): void;
      };
    };
  };
  readonly compilerInstance: {
    _emit(code: string): void;
    compile(node: unknown, frame: unknown): void;
  };
}
interface ModuloNode {
  readonly left: unknown;
  readonly right: { readonly typename: string; readonly children?: readonly unknown[] };
}

/**
 * Jinja's `%` is Python's, which formats text; the engine's own would make NaN of it. A tuple on its right, which the
 * engine would take for one value in parentheses, becomes a list.
 */
(nunjucks as unknown as CompilerInternals).compiler.Compiler.prototype.compileMod = function (node, frame) {
  const values = node.right.typename === 'Group' ? (node.right.children ?? []) : [node.right];
  this._emit('env.getGlobal("% of Python")(');
  this.compile(node.left, frame);
  this._emit(values.length > 1 ? ', [' : ', ');
  for (const [index, value] of values.entries()) {
    if (index > 0) this._emit(', ');
    this.compile(value, frame);
  }
  this._emit(values.length > 1 ? '])' : ')');
};

/** The engine over these templates, with what Python gives to Ironic's templates. */
export function createEnvironment(sources: TemplateSources): nunjucks.Environment {
  const loader: nunjucks.ILoader = {
    // The engine takes null for "not here", which its types leave out.
    getSource: (name) => {
      const source = sources.get(name);
      return (
        source === undefined ? null : { src: source.text, path: name, noCache: false }
      ) as nunjucks.LoaderSource;
    },
  };
  const environment = new nunjucks.Environment(loader, { autoescape: false, dev: true });
  environment.addGlobal('% of Python', pythonModulo);
  environment.addGlobal('True', true);
  environment.addGlobal('False', false);
  environment.addGlobal('None', null);
  environment.addGlobal('enumerate', (list: Iterable<unknown>) =>
    [...list].map((value, index) => [index, value]),
  );
  return environment;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
