import { readFileSync } from 'node:fs';
import type { MapPeer } from '../../../src/tftp/map-replacement.ts';

/** What in.tftpd was recorded to do; see the README of the vectors that the project shares with it. Latin-1 strings. */
export interface MapVector {
  readonly name: string;
  /** null: no map-file. */
  readonly mapFile: string | null;
  readonly request: string;
  readonly mode: 'rrq' | 'wrq';
  readonly clientIp: string;
  readonly transferMode?: string;
  readonly server?: { readonly args: readonly string[] };
  readonly expected: {
    readonly served?: string;
    readonly error?: { readonly code: number; readonly message: string };
    readonly startError?: { readonly exitCode: number };
    readonly noReply?: string;
  };
  /** The name after mapping; null when a rule refused it or mapping was not reached. */
  readonly mapped: string | null;
  /** At -vvv; `...` stands for what was cut. */
  readonly log: readonly string[];
}

export function readVectors(
  file: 'vectors.json' | 'syntax-errors.json' | 'noreply.json',
): readonly MapVector[] {
  const url = new URL(`../../data/mapfile/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as MapVector[];
}

/** The clients of the vectors, with their `\x`. */
const HEX: Readonly<Record<string, string>> = {
  '192.168.0.130': 'C0A80082',
  '127.3.2.1': '7F030201',
  '2001:db8::5': '20010DB8000000000000000000000005',
  '2001:db8::a:5': '20010DB80000000000000000000A0005',
};

export function peerOf(vector: MapVector): MapPeer {
  const text = vector.clientIp;
  const hex = HEX[text];
  if (hex === undefined) throw new Error(`${vector.name}: an unknown client`);
  return { family: text.includes(':') ? 'ipv6' : 'ipv4', text, hex };
}

export const PEER: MapPeer = { family: 'ipv4', text: '192.168.0.130', hex: 'C0A80082' };
