import { find, type Finding } from './finding.ts';

/** What became of a request for a file: by the other server as seen on the wire, or by bootd. */
export type FileAnswer =
  /** Octets: undefined where the wire did not show the size. */
  | { readonly kind: 'served'; readonly octets: number | undefined }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string }
  | { readonly kind: 'silent' };

/** One read request, and what came of it. */
export interface FileComparison {
  readonly name: string;
  readonly theirs: FileAnswer;
  readonly ours: FileAnswer;
  /** bootd found the file only after it had collapsed the doubled slashes of the name. */
  readonly wasCollapsed: boolean;
}

/** Whether the machine would have got the same file: it, or none, and one of the same size. */
export function compareFiles({ name, theirs, ours, wasCollapsed }: FileComparison): readonly Finding[] {
  const aspect = `file ${JSON.stringify(name)}`;
  const differ = (): Finding[] => [find('file', aspect, describe(theirs), describe(ours))];
  if (theirs.kind === 'silent') {
    // in.tftpd refuses aloud, so what nobody saw an answer to says nothing.
    return [find('file', aspect, describe(theirs), describe(ours), 'answer-not-heard')];
  }
  if (theirs.kind === 'refused' && ours.kind === 'served' && wasCollapsed) {
    return [find('file', aspect, describe(theirs), describe(ours), 'doubled-slashes')];
  }
  if (theirs.kind !== ours.kind) return differ();
  if (theirs.kind === 'served' && ours.kind === 'served') {
    return theirs.octets === undefined || theirs.octets === ours.octets ? [] : differ();
  }
  return theirs.kind === 'refused' && ours.kind === 'refused' && theirs.code !== ours.code ? differ() : [];
}

function describe(answer: FileAnswer): string {
  switch (answer.kind) {
    case 'served':
      return answer.octets === undefined ? 'served' : `served, ${answer.octets} octets`;
    case 'refused':
      return `error ${answer.code} ${answer.message}`;
    case 'silent':
      return 'no answer';
  }
}
