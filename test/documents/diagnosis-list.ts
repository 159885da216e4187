import { DIAGNOSES, type DiagnosisEntry } from '../../src/boot/diagnoses.ts';

const HEADINGS: Readonly<Record<DiagnosisEntry['kind'], string>> = {
  failure: 'What stops a boot',
  notice: 'What is worth knowing beside it',
  state: 'How a boot stands',
};

const MARKER = /<!-- diagnoses -->\n[\s\S]*?<!-- end -->/;

/** docs/diagnoses.md with its list made anew from the catalogue. */
export function withFreshDiagnoses(document: string): string {
  // A function, since a sentence may hold what replace() takes for a pattern.
  return document.replace(MARKER, () => `<!-- diagnoses -->\n\n${diagnosisList()}\n<!-- end -->`);
}

function diagnosisList(): string {
  const kinds = Object.keys(HEADINGS) as DiagnosisEntry['kind'][];
  return kinds
    .map((kind) => {
      const entries = Object.entries<DiagnosisEntry>(DIAGNOSES).filter(([, entry]) => entry.kind === kind);
      return `## ${HEADINGS[kind]}\n\n${entries.map(describeEntry).join('\n')}`;
    })
    .join('\n');
}

function describeEntry([code, { sentence, cause, remedy }]: readonly [string, DiagnosisEntry]): string {
  return `### \`${code}\`

> ${namesInCapitals(sentence)}

**Cause.** ${namesInCapitals(cause)}

**Remedy.** ${namesInCapitals(remedy)}
`;
}

/** `{file}` as FILE, as the rest of the documents writes what stands for a value. */
function namesInCapitals(text: string): string {
  return text.replace(/\{([a-z]+)\}/g, (_, name: string) => name.toUpperCase());
}
