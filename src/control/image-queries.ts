/** An image by URL, kept or on its way. */
export interface ImageView {
  /** `sha256-HEX`: what the octets are. */
  readonly key: string;
  readonly state: 'ready' | 'fetching';
  /** Where it came from, as far as a profile still says so. */
  readonly url: string | undefined;
  /** Octets; undefined while the source does not say. */
  readonly size: number | undefined;
  /** Octets that are there. */
  readonly received: number;
  /** A profile names it, so it is not removed to make room. */
  readonly inUse: boolean;
  /** Milliseconds since 1970, within an hour; undefined while it is fetched. */
  readonly lastUsedAt: number | undefined;
}

/** Images by URL, as the control API sees them. */
export interface ImageQueries {
  /** Those that are there and those on their way, in the order of their names. */
  list(): readonly ImageView[];
}
