import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * The walls of the house (docs/architecture.md): who may import whom, what the pure floor may not know, how long a
 * file may be. Everything is read from the parsed source, so that a comment or a string cannot hide or fake an import.
 */

interface RoomRule {
  /** Rooms whose values may be imported. */
  readonly rooms: readonly string[];
  /** Rooms of which only types may be imported. */
  readonly typesOf?: readonly string[];
  /** npm packages. */
  readonly packages: readonly string[];
  /** Whether `node:*` may be imported. */
  readonly node: boolean;
}

const FLOOR_1 = ['addr', 'wire', 'boot', 'dhcp', 'tftp', 'ipmi', 'probe', 'rehearsal'];
const FLOOR_2 = ['store', 'io', 'images'];

const ROOMS: Readonly<Record<string, RoomRule>> = {
  addr: { rooms: [], packages: [], node: false },
  wire: { rooms: ['addr'], packages: [], node: false },
  boot: { rooms: ['addr'], packages: [], node: false },
  dhcp: { rooms: ['addr', 'wire', 'boot'], packages: [], node: false },
  tftp: { rooms: ['addr', 'wire'], packages: [], node: false },
  ipmi: { rooms: ['addr', 'wire'], packages: [], node: false },
  probe: { rooms: ['addr', 'wire'], packages: [], node: false },
  rehearsal: { rooms: ['addr', 'wire', 'boot', 'dhcp', 'tftp'], packages: [], node: false },
  import: { rooms: ['addr', 'dhcp', 'tftp', 'wire'], typesOf: ['config'], packages: [], node: false },
  io: { rooms: ['addr'], packages: ['koffi'], node: true },
  images: { rooms: ['io', 'addr', 'boot'], packages: [], node: true },
  store: { rooms: ['io', 'addr'], typesOf: ['dhcp', 'boot'], packages: ['classic-level'], node: true },
  config: {
    rooms: ['addr', 'dhcp', 'tftp', 'boot', 'wire', 'ipmi'],
    packages: ['yaml', 'ajv', '@sinclair/typebox'],
    node: true,
  },
  telemetry: { rooms: ['wire'], packages: ['pino', 'prom-client'], node: true },
  control: {
    rooms: ['addr', 'boot', 'ipmi', 'rehearsal', 'telemetry', 'wire'],
    typesOf: ['dhcp'],
    packages: ['fastify', '@fastify/swagger', '@sinclair/typebox', 'ajv'],
    node: true,
  },
  services: {
    rooms: [...FLOOR_1, ...FLOOR_2, 'import', 'config', 'control', 'telemetry'],
    packages: ['chokidar', 'nunjucks'],
    node: true,
  },
  cli: {
    rooms: [...FLOOR_1, ...FLOOR_2, 'config', 'control', 'import', 'telemetry', 'services', 'daemon', '.'],
    packages: ['commander'],
    node: true,
  },
  /** The parts of the wiring that daemon.ts puts together: whoever adds a service adds it in one of them. */
  daemon: {
    rooms: [...FLOOR_1, ...FLOOR_2, 'config', 'control', 'telemetry', 'services'],
    packages: [],
    node: true,
  },
  /** main.ts and daemon.ts: wiring only. */
  '.': {
    rooms: [...FLOOR_1, ...FLOOR_2, 'config', 'control', 'telemetry', 'services', 'daemon', 'cli'],
    packages: ['commander'],
    node: true,
  },
};

const PURE_ROOMS = new Set([...FLOOR_1, 'import']);
const BANNED_IDENTIFIERS = new Set([
  'process',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'Promise',
]);
const BANNED_CALLS = new Set(['Date.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues']);
const BANNED_FILE_NAMES = /^(utils?|helpers?|common|types|shared|index|misc)\.ts$/;
const LINE_LIMIT = 450;

const sourceRoot = resolve(import.meta.dirname, '../src');

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

function roomOf(path: string): string {
  const parts = path.split('/');
  return parts.length === 1 ? '.' : (parts[0] ?? '.');
}

function isTypeOnly(statement: ts.ImportDeclaration): boolean {
  const clause = statement.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

function readImports(tree: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      imports.push({ specifier: node.moduleSpecifier.text, typeOnly: isTypeOnly(node) });
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      imports.push({ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly });
    } else if (ts.isCallExpression(node) && node.arguments.length > 0) {
      const [argument] = node.arguments;
      const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword;
      const required = ts.isIdentifier(node.expression) && node.expression.text === 'require';
      if ((dynamic || required) && argument !== undefined && ts.isStringLiteral(argument)) {
        imports.push({ specifier: argument.text, typeOnly: false });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return imports;
}

function readSources(): SourceFile[] {
  return readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const text = readFileSync(join(sourceRoot, path), 'utf8');
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
      return { path, room: roomOf(path), text, tree, imports: readImports(tree) };
    });
}

/** Why an import may not be, or undefined when it may. */
function objection(file: SourceFile, item: Import): string | undefined {
  const rule = ROOMS[file.room];
  if (rule === undefined) return `${file.path}: the room '${file.room}' is not in the table`;
  const { specifier } = item;
  if (specifier.startsWith('.')) {
    const target = roomOf(relative(sourceRoot, resolve(sourceRoot, dirname(file.path), specifier)));
    if (target === file.room || rule.rooms.includes(target)) return undefined;
    if (item.typeOnly && rule.typesOf?.includes(target) === true) return undefined;
    return `${file.path}: '${file.room}' may not import ${item.typeOnly ? '' : 'values of '}'${target}' (${specifier})`;
  }
  if (specifier.startsWith('node:')) {
    if (file.path === 'ipmi/cipher-suite.ts' && specifier === 'node:crypto') return undefined;
    return rule.node ? undefined : `${file.path}: the pure floor may not import ${specifier}`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return rule.packages.includes(name) ? undefined : `${file.path}: '${file.room}' may not import '${name}'`;
}

/** Names of the pure floor's ban list that stand in a file as code. */
function impurities(file: SourceFile): string[] {
  const found: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${file.path}:${line + 1}: ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && BANNED_CALLS.has(node.getText())) report(node, node.getText());
    if (
      ts.isNewExpression(node) &&
      node.expression.getText() === 'Date' &&
      (node.arguments ?? []).length === 0
    ) {
      report(node, 'new Date() reads the clock');
    }
    if (node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'async');
    if (ts.isIdentifier(node) && BANNED_IDENTIFIERS.has(node.text)) {
      const parent = node.parent;
      const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
      const isKey = ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent);
      if (!isMember && !isKey) report(node, node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

/** Every cycle of value imports, as `a -> b -> a`. */
function importCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports
        .filter((item) => item.specifier.startsWith('.') && !item.typeOnly)
        .map((item) => relative(sourceRoot, resolve(sourceRoot, dirname(file.path), item.specifier))),
    ]),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return cycles;
}

const files = readSources();

describe('the house', () => {
  it('has someone living in it', () => {
    expect(files.length).toBeGreaterThan(10);
  });

  it('imports only along the table', () => {
    const objections = files.flatMap((file) =>
      file.imports.map((item) => objection(file, item)).filter((text) => text !== undefined),
    );
    expect(objections).toEqual([]);
  });

  it('has no cycle of imports', () => {
    expect(importCycles(files)).toEqual([]);
  });

  it('keeps the pure floor pure', () => {
    expect(files.filter((file) => PURE_ROOMS.has(file.room)).flatMap(impurities)).toEqual([]);
  });

  it(`has no file of more than ${LINE_LIMIT} lines`, () => {
    const long = files
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > LINE_LIMIT);
    expect(long).toEqual([]);
  });

  it('has no drawer for odds and ends', () => {
    const drawers = files.filter((file) =>
      file.path.split('/').some((part) => BANNED_FILE_NAMES.test(part.endsWith('.ts') ? part : `${part}.ts`)),
    );
    expect(drawers.map((file) => file.path)).toEqual([]);
  });
});

describe('the judge itself', () => {
  const judge = (path: string, text: string): SourceFile => {
    const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
    return { path, room: roomOf(path), text, tree, imports: readImports(tree) };
  };

  it.each([
    ['dhcp/a.ts', "import { b } from '../io/b.ts';"],
    ['dhcp/a.ts', "import { readFileSync } from 'node:fs';"],
    ['store/a.ts', "import { respond } from '../dhcp/responder.ts';"],
    ['tftp/a.ts', "import pino from 'pino';"],
    ['tftp/a.ts', "const m = await import('../services/b.ts');"],
    ['cellar/a.ts', "import { b } from '../addr/b.ts';"],
  ])('objects to %s with %s', (path, text) => {
    const file = judge(path, text);
    expect(file.imports.map((item) => objection(file, item)).filter((x) => x !== undefined)).toHaveLength(1);
  });

  it.each(['Date.now()', 'Math.random()', 'new Date()', 'setTimeout(f, 1)', 'process.env', 'async () => 1'])(
    'finds %s on the pure floor',
    (code) => {
      expect(impurities(judge('dhcp/a.ts', `export const x = ${code};`))).toHaveLength(1);
    },
  );

  it('lets a type of another room pass where the table says so', () => {
    const file = judge('store/a.ts', "import type { Lease } from '../dhcp/lease.ts';");
    expect(file.imports.map((item) => objection(file, item))).toEqual([undefined]);
  });
});
