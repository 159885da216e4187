import { Type, type SchemaOptions, type Static, type TProperties, type TSchema } from '@sinclair/typebox';

/** A mapping with these keys and no others. */
export function section<Properties extends TProperties>(properties: Properties, options: SchemaOptions) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** One of a few words; said with `enum`, which editors complete better than a union of constants. */
export function oneOf<const Words extends readonly string[]>(words: Words, options: SchemaOptions) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...options });
}

/** A mapping from names that the admin chooses. */
export function mapOf<Item extends TSchema>(item: Item, options: SchemaOptions) {
  return Type.Unsafe<Readonly<Record<string, Static<Item>>>>({
    type: 'object',
    additionalProperties: item,
    ...options,
  });
}

/** One value, or a list of them. */
export function oneOrMore<Item extends TSchema>(item: Item, options: SchemaOptions) {
  return Type.Union([item, Type.Array(item, { minItems: 1 })], options);
}

/** Seconds of a lease; 4294967295 is "for ever" (RFC 2131 section 3.3). */
export function seconds(options: SchemaOptions) {
  return Type.Integer({ minimum: 1, maximum: 0xffffffff, ...options });
}

/** A UDP or TCP port. */
export function port(options: SchemaOptions) {
  return Type.Integer({ minimum: 1, maximum: 65_535, ...options });
}
