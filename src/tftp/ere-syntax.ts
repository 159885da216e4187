import type { ByteSet } from './ere-bytes.ts';

/**
 * What must hold beside a position. An anchor is a set of these, and all of them must hold. Lines do not count for
 * in.tftpd's matches (no REG_NEWLINE), so that a line starts where the text does.
 */
export const ASSERTIONS = {
  afterWord: 0x01,
  afterOther: 0x02,
  beforeWord: 0x04,
  beforeOther: 0x08,
  lineStart: 0x10,
  lineEnd: 0x20,
  textStart: 0x40,
  textEnd: 0x80,
} as const;

/** The assertions about what lies before a position. */
export const ASSERTIONS_BEFORE =
  ASSERTIONS.afterWord | ASSERTIONS.afterOther | ASSERTIONS.lineStart | ASSERTIONS.textStart;

/** The anchors by the byte that writes them, behind a backslash or, for `^` and `$`, without. */
export const ANCHORS = {
  lineStart: ASSERTIONS.lineStart,
  lineEnd: ASSERTIONS.lineEnd,
  textStart: ASSERTIONS.textStart,
  textEnd: ASSERTIONS.textEnd,
  wordStart: ASSERTIONS.afterOther | ASSERTIONS.beforeWord,
  wordEnd: ASSERTIONS.afterWord | ASSERTIONS.beforeOther,
  insideWord: ASSERTIONS.afterWord | ASSERTIONS.beforeWord,
  outsideWord: ASSERTIONS.afterOther | ASSERTIONS.beforeOther,
} as const;

/** A pattern as a tree. An expression that matches only the empty text, such as `a{0}`, is undefined. */
export type EreTree =
  | { readonly kind: 'bytes'; readonly set: ByteSet }
  | { readonly kind: 'anchor'; readonly assertions: number }
  | { readonly kind: 'back-reference'; readonly group: number }
  | { readonly kind: 'group'; readonly group: number; readonly body: EreTree | undefined }
  | { readonly kind: 'sequence'; readonly parts: readonly EreTree[] }
  | { readonly kind: 'alternatives'; readonly branches: readonly (EreTree | undefined)[] }
  | {
      readonly kind: 'repeat';
      readonly body: EreTree;
      readonly min: number;
      /** Infinity: no upper bound. */
      readonly max: number;
    };

/** A parsed pattern. */
export interface EreSyntax {
  readonly tree: EreTree | undefined;
  /** How many pairs of parentheses there are; groups are numbered from 1 by their opening one. */
  readonly groupCount: number;
}
