import nunjucks from 'nunjucks';
import { TEMPLATE_VARIABLES } from '../boot/template-variables.ts';
import { findOpenEnd } from './template-outline.ts';

/** Something wrong at one place of a template. Lines and columns count from 1. */
export interface TemplateProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What a template's text says without being rendered. */
export interface TemplateSyntax {
  readonly problems: readonly TemplateProblem[];
  /** The templates that it includes, extends or imports, by their file names. */
  readonly includes: readonly { readonly file: string; readonly line: number; readonly column: number }[];
}

/** A node of the engine's syntax tree: its kind, its place (counted from 0), and its fields by name. */
interface SyntaxNode {
  readonly typename: string;
  readonly lineno?: number;
  readonly colno?: number;
  readonly fields: readonly string[];
  readonly [field: string]: unknown;
}

/** What the engine has and its type declarations leave out. */
interface EngineInternals {
  readonly parser: { parse(source: string, extensions: readonly [], options: object): SyntaxNode };
}
interface EnvironmentInternals {
  getFilter(name: string): unknown;
  getTest(name: string): unknown;
}

const { parser } = nunjucks as unknown as EngineInternals;

/** Functions that a template may call: the engine's own, and Python's `enumerate`, which Ironic gives its templates. */
const FUNCTIONS: ReadonlySet<string> = new Set(['range', 'cycler', 'joiner', 'enumerate', 'caller', 'super']);
/** Python's spelling, which Jinja takes as well. */
const CONSTANTS: ReadonlySet<string> = new Set(['True', 'False', 'None']);
const NAMES: ReadonlySet<string> = new Set(TEMPLATE_VARIABLES.map(({ name }) => name));
const MAPS: ReadonlySet<string> = new Set(
  TEMPLATE_VARIABLES.filter(({ name }) => name.includes('.')).map(({ name }) => name.split('.')[0] ?? ''),
);
/** Ways from a value to the engine's insides. */
const FORBIDDEN_MEMBERS: ReadonlySet<string> = new Set(['constructor', '__proto__', 'prototype']);

/**
 * Parses a template and holds every name in it against the catalogue, so that a slip of the pen is an error with its
 * line when the template is loaded, and not an empty place in what some machine boots.
 */
export function checkTemplateSyntax(source: string, environment: nunjucks.Environment): TemplateSyntax {
  const open = findOpenEnd(source);
  if (open !== undefined) return { problems: [open], includes: [] };
  let root: SyntaxNode;
  try {
    root = parser.parse(source, [], {});
  } catch (error) {
    return { problems: [parseProblem(error, source)], includes: [] };
  }
  const checker = new Checker(environment as unknown as EnvironmentInternals);
  checker.check(root, new Set(CONSTANTS));
  return { problems: checker.problems, includes: checker.includes };
}

class Checker {
  readonly problems: TemplateProblem[] = [];
  readonly includes: { file: string; line: number; column: number }[] = [];
  readonly #environment: EnvironmentInternals;

  constructor(environment: EnvironmentInternals) {
    this.#environment = environment;
  }

  /** `scope` holds the names that the template itself has defined so far; a `set` adds to it. */
  check(node: SyntaxNode, scope: Set<string>): void {
    switch (node.typename) {
      case 'Symbol':
        this.#checkName(node, scope);
        break;
      case 'LookupVal':
        this.#checkLookup(node, scope);
        break;
      case 'FunCall':
        this.#checkCall(node, scope);
        break;
      case 'Filter':
      case 'FilterAsync':
        this.#checkExists(child(node, 'name'), 'filter');
        this.#checkField(node, 'args', scope);
        break;
      case 'Is':
        this.#checkTest(node, scope);
        break;
      case 'For':
      case 'AsyncEach':
      case 'AsyncAll':
        this.#checkField(node, 'arr', scope);
        this.#checkField(node, 'body', new Set([...scope, 'loop', ...symbolNames(child(node, 'name'))]));
        this.#checkField(node, 'else_', scope);
        break;
      case 'Set':
        this.#checkField(node, 'value', scope);
        // The body of `{% set x %}...{% endset %}` is no field of the node.
        this.#checkField(node, 'body', scope);
        defineNames(scope, nodesIn(node['targets']));
        break;
      case 'Macro':
        defineNames(scope, nodesIn(node['name']));
        this.#checkMacro(node, scope);
        break;
      case 'Caller':
        this.#checkMacro(node, scope);
        break;
      case 'Pair':
        // The key of a keyword argument or of a map is a name, not a variable.
        for (const key of nodesIn(node['key'])) if (key.typename !== 'Symbol') this.check(key, scope);
        this.#checkField(node, 'value', scope);
        break;
      case 'Block':
        this.#checkField(node, 'body', new Set(scope));
        break;
      case 'Include':
      case 'Extends':
        this.#checkInclude(node);
        break;
      case 'Import':
        defineNames(scope, nodesIn(node['target']));
        this.#checkInclude(node);
        break;
      case 'FromImport':
        defineNames(scope, nodesIn(node['names']));
        this.#checkInclude(node);
        break;
      default:
        for (const field of node.fields) this.#checkField(node, field, scope);
    }
  }

  #checkField(node: SyntaxNode, field: string, scope: Set<string>): void {
    for (const value of nodesIn(node[field])) this.check(value, scope);
  }

  #checkName(node: SyntaxNode, scope: ReadonlySet<string>): void {
    const name = String(node['value']);
    if (scope.has(name) || NAMES.has(name)) return;
    this.#report(
      node,
      MAPS.has(name)
        ? `${name} is a map: name one of its members, like ${exampleOf(name)}`
        : unknownName(name),
    );
  }

  #checkLookup(node: SyntaxNode, scope: Set<string>): void {
    const target = child(node, 'target');
    const member = child(node, 'val');
    const root = target?.typename === 'Symbol' ? String(target['value']) : undefined;
    const isWrittenOut = member?.typename === 'Literal';
    if (root !== undefined && MAPS.has(root) && !scope.has(root)) {
      if (!isWrittenOut) this.#report(node, `the member of ${root} must be written out`);
      else if (!NAMES.has(`${root}.${String(member['value'])}`)) {
        this.#report(node, unknownName(`${root}.${String(member['value'])}`));
      }
      return;
    }
    if (target !== undefined) this.check(target, scope);
    if (!isWrittenOut) this.#report(node, 'a member must be written out');
    else if (FORBIDDEN_MEMBERS.has(String(member['value']))) {
      this.#report(node, `the member ${String(member['value'])} may not be used`);
    }
  }

  #checkCall(node: SyntaxNode, scope: Set<string>): void {
    const callee = child(node, 'name');
    const name = callee?.typename === 'Symbol' ? String(callee['value']) : undefined;
    if (name === undefined) {
      this.#report(node, 'a value has no functions here: use a filter');
    } else if (!FUNCTIONS.has(name) && (!scope.has(name) || CONSTANTS.has(name))) {
      this.#report(node, `there is no function ${name}`);
    }
    this.#checkField(node, 'args', scope);
  }

  #checkTest(node: SyntaxNode, scope: Set<string>): void {
    this.#checkField(node, 'left', scope);
    const right = child(node, 'right');
    if (right?.typename === 'FunCall') {
      this.#checkExists(child(right, 'name'), 'test');
      this.#checkField(right, 'args', scope);
    } else if (right?.typename === 'Symbol') {
      this.#checkExists(right, 'test');
    }
  }

  #checkExists(node: SyntaxNode | undefined, kind: 'filter' | 'test'): void {
    if (node === undefined) return;
    const name = String(node['value']);
    try {
      if (kind === 'filter') this.#environment.getFilter(name);
      else this.#environment.getTest(name);
    } catch {
      this.#report(node, `there is no ${kind} ${name}`);
    }
  }

  #checkMacro(node: SyntaxNode, scope: Set<string>): void {
    const args = child(node, 'args');
    for (const defaults of nodesIn(args?.['children']).filter(isKeywordArgs)) this.check(defaults, scope);
    this.#checkField(node, 'body', new Set([...scope, ...symbolNames(args)]));
  }

  #checkInclude(node: SyntaxNode): void {
    const template = child(node, 'template');
    if (template?.typename === 'Literal' && typeof template['value'] === 'string') {
      this.includes.push({ file: template['value'], ...placeOf(node) });
    } else {
      this.#report(node, 'the name of the other template must be written out');
    }
  }

  #report(node: SyntaxNode, message: string): void {
    this.problems.push({ ...placeOf(node), message });
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'typename' in value;
}

function nodesIn(value: unknown): readonly SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];
}

function child(node: SyntaxNode, field: string): SyntaxNode | undefined {
  return nodesIn(node[field])[0];
}

function isKeywordArgs(node: SyntaxNode): boolean {
  return node.typename === 'KeywordArgs';
}

/** The names that a target, a list of targets, or a list of arguments with defaults defines. */
function symbolNames(node: SyntaxNode | undefined): string[] {
  if (node === undefined) return [];
  if (node.typename === 'Symbol') return [String(node['value'])];
  // `name=default` defines its key; `from x import a as b` defines b.
  if (node.typename === 'Pair') {
    const value = child(node, 'value');
    return symbolNames(
      value?.typename === 'Symbol' && node['key'] !== undefined ? value : child(node, 'key'),
    );
  }
  return nodesIn(node['children']).flatMap(symbolNames);
}

function defineNames(scope: Set<string>, nodes: readonly SyntaxNode[]): void {
  for (const name of nodes.flatMap(symbolNames)) scope.add(name);
}

function placeOf(node: SyntaxNode): { line: number; column: number } {
  return { line: (node.lineno ?? 0) + 1, column: (node.colno ?? 0) + 1 };
}

function exampleOf(map: string): string {
  return TEMPLATE_VARIABLES.find(({ name }) => name.startsWith(`${map}.`))?.name ?? map;
}

function unknownName(name: string): string {
  return `unknown variable ${name}; tftpboot-templates/README.md lists those that there are`;
}

/** The engine's parser counts from 1, and says nothing of the place where the text ends too early: its last line. */
function parseProblem(error: unknown, source: string): TemplateProblem {
  const { lineno, colno } = error as { readonly lineno?: number; readonly colno?: number };
  const message = error instanceof Error ? error.message : String(error);
  return { line: lineno ?? source.trimEnd().split('\n').length, column: colno ?? 1, message };
}
