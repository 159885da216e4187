/** Where something stands in a text that is read; lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A text of another program cannot be read any further; dhcpd or in.tftpd would refuse it too. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  readonly place: SourcePlace;

  constructor(place: SourcePlace, message: string) {
    super(message);
    this.place = place;
  }
}

/** The form that editors and people understand: `file:line:column`. */
export function formatPlace({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}
