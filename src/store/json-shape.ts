/** Reads values out of parsed JSON and throws, naming the field, when one is not of its kind. */

/** The fields of an object. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function parseJsonObject(content: Uint8Array): JsonObject {
  return asObject(JSON.parse(new TextDecoder().decode(content)), 'the record');
}

export function asObject(value: unknown, name: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new TypeError(`${name} is not an object`);
}

export function asList(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new TypeError(`${name} is not a list`);
}

export function asText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${name} is not text`);
}

export function asNumber(value: unknown, name: string): number {
  // JSON may say 1e999, which is read as Infinity and cannot be written again.
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`${name} is not a number`);
}

export function asBoolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${name} is neither true nor false`);
}

/** JSON has no undefined: a field that is absent is one. */
export function optional<Value>(
  value: unknown,
  name: string,
  read: (value: unknown, name: string) => Value,
): Value | undefined {
  return value === undefined ? undefined : read(value, name);
}

/** One of a few words. */
export function asOneOf<Word extends string>(value: unknown, name: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw new TypeError(`${name} is none of ${words.join(', ')}`);
}

/** Text that a parser turns into a value. */
export function asParsed<Value>(
  value: unknown,
  name: string,
  parse: (text: string) => Value | undefined,
): Value {
  const parsed = parse(asText(value, name));
  if (parsed !== undefined) return parsed;
  throw new TypeError(`${name} cannot be read`);
}
