import type { BootFileOutcome, BootRoot } from '../io/boot-root.ts';

/** Images by URL, by the path that machines know them by. */
export interface ImageFiles {
  /** Undefined for paths of other files. Never rejects. */
  open(path: string): Promise<BootFileOutcome | undefined>;
}

/** All files that machines may ask for: images by URL, and what lies below the root. */
export class BootTree implements Pick<BootRoot, 'open'> {
  readonly #images: ImageFiles | undefined;
  /** Undefined: there is no root. */
  readonly #root: Pick<BootRoot, 'open'> | undefined;

  constructor(images: ImageFiles | undefined, root: Pick<BootRoot, 'open'> | undefined) {
    this.#images = images;
    this.#root = root;
  }

  /** As BootRoot.open. Never rejects. */
  async open(name: string): Promise<BootFileOutcome> {
    return (await this.#images?.open(name)) ?? (await this.#root?.open(name)) ?? NOT_FOUND;
  }
}

const NOT_FOUND = { kind: 'failed', reason: 'not-found', osCode: undefined } as const;
