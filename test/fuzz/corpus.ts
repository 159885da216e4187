import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readCapture } from '../unit/dhcp/captured-frames.ts';

const TEST = resolve(import.meta.dirname, '..');
const CORPUS = join(import.meta.dirname, 'corpus');

/** The files that are kept for a target: inputs that reach what no sample of test/golden or test/data does. */
export function keptOctets(target: string): readonly Uint8Array[] {
  const folder = join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => Uint8Array.from(readFileSync(join(folder, name))));
}

/** The same, for targets of text. */
export function keptTexts(target: string): readonly string[] {
  return keptOctets(target).map((octets) => Buffer.from(octets).toString());
}

/** Files of test/, by a folder of it and what their names end with. */
export function sampleTexts(folder: string, ending: string): readonly string[] {
  return readdirSync(join(TEST, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(TEST, folder, name), 'utf8'));
}

/** A file of the project. */
export function projectText(name: string): string {
  return readFileSync(resolve(TEST, '..', name), 'utf8');
}

/** UDP payloads that real firmware, loaders and servers sent, once each, to one of the ports or from it. */
export function capturedPayloads(
  folder: 'golden/dhcp' | 'golden/pxe',
  ports: readonly number[],
): readonly Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  for (const name of readdirSync(join(TEST, folder)).sort()) {
    if (!name.endsWith('.pcap')) continue;
    for (const { destinationPort, payload } of readCapture(readFileSync(join(TEST, folder, name)))) {
      const isWanted = ports.length === 0 || ports.includes(destinationPort);
      if (isWanted && payload.length > 0)
        found.set(Buffer.from(payload).toString('base64'), Uint8Array.from(payload));
    }
  }
  return [...found.values()];
}
