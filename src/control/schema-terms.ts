import { Type, type TSchema, type TUnion, type TNull } from '@sinclair/typebox';

/** A value that may also be null, which means the same as leaving it out: Ironic's clients write it so. */
export function nullable<T extends TSchema>(schema: T): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()]);
}
