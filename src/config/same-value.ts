/** Whether two values of settings are the same: data through and through, without functions and circles. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map && b instanceof Map) return isSameMap(a, b);
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, index) => isSameValue(item, b[index]));
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  // A member that is undefined is one that is not there.
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const [left, right] = [a, b] as Readonly<Record<string, unknown>>[];
  return [...keys].every((key) => isSameValue(left?.[key], right?.[key]));
}

function isSameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isSameValue(value, b.get(key)));
}

function isList(value: object): value is readonly unknown[] {
  return Array.isArray(value) || value instanceof Uint8Array;
}
