/**
 * The part of dhcpd's expression language (dhcp-eval(5)) that classes and conditions are written in, as a tree.
 * Data expressions give octets or nothing; boolean expressions give true, false or nothing (unknown).
 */
export type DataExpression =
  | { readonly kind: 'octets'; readonly value: Uint8Array }
  /** The value of an option in the request. */
  | { readonly kind: 'option'; readonly code: number }
  /** A sub-option of option 82, or of any encapsulated option. */
  | { readonly kind: 'sub-option'; readonly carrier: number; readonly code: number }
  /** The hardware type octet and the hardware address. */
  | { readonly kind: 'hardware' }
  | {
      readonly kind: 'substring';
      readonly of: DataExpression;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly kind: 'suffix'; readonly of: DataExpression; readonly length: number }
  | { readonly kind: 'concat'; readonly parts: readonly DataExpression[] }
  | { readonly kind: 'lcase'; readonly of: DataExpression }
  | { readonly kind: 'ucase'; readonly of: DataExpression }
  /** Octets of the raw packet. */
  | { readonly kind: 'packet'; readonly offset: number; readonly length: number };

export type BooleanExpression =
  | { readonly kind: 'equals'; readonly left: DataExpression; readonly right: DataExpression }
  | { readonly kind: 'not-equals'; readonly left: DataExpression; readonly right: DataExpression }
  /** The request holds the option, or that sub-option of the option `carrier`. */
  | { readonly kind: 'exists'; readonly code: number; readonly carrier: number | undefined }
  /** The machine has a reservation, or is a node. */
  | { readonly kind: 'known' }
  | { readonly kind: 'and'; readonly left: BooleanExpression; readonly right: BooleanExpression }
  | { readonly kind: 'or'; readonly left: BooleanExpression; readonly right: BooleanExpression }
  | { readonly kind: 'not'; readonly of: BooleanExpression };
