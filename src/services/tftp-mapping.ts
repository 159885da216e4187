import { readFile } from 'node:fs/promises';
import { formatIpv4, formatIpv4Hex, type Ipv4 } from '../addr/ipv4.ts';
import { formatIpv6, ipv4OfMapped, parseIpv6 } from '../addr/ipv6.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import { parseMapFile, type MapRule } from '../tftp/map-file.ts';
import type { MapPeer } from '../tftp/map-replacement.ts';
import { applyMapFile, type MapResult } from '../tftp/map-rules.ts';

/**
 * The rules of the map-file as they are in force. A bad file at the start is fatal, as it is for in.tftpd; a bad one
 * later leaves the old rules in force.
 */
export class TftpMapping {
  readonly #path: string | undefined;
  #rules: readonly MapRule[] = [];
  /** What the rules were read from. */
  #text: string | undefined;
  #problems: readonly ConfigProblem[] = [];

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** The rules in force, in their order. */
  get rules(): readonly MapRule[] {
    return this.#rules;
  }

  /** How many rules there are. */
  get size(): number {
    return this.#rules.length;
  }

  /** What is wrong with the file as it was read last, while older rules are in force. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /**
   * Reads the file and puts its rules in force; says whether they are others than before. Rejects with ConfigError, in
   * in.tftpd's words, and changes nothing.
   */
  async load(): Promise<'changed' | 'same'> {
    const file = this.#path;
    if (file === undefined) return 'same';
    try {
      const text = await readMapFile(file);
      const { rules, problems } = parseMapFile(text);
      if (problems.length > 0) {
        throw new ConfigError(problems.map(({ line, message }) => problemAt(file, line, message)));
      }
      const isSame = text === this.#text && this.#problems.length === 0;
      this.#rules = rules;
      this.#text = text;
      this.#problems = [];
      return isSame ? 'same' : 'changed';
    } catch (error) {
      if (error instanceof ConfigError) this.#problems = error.problems;
      throw error;
    }
  }

  apply(name: string, direction: 'read' | 'write', address: Ipv4 | string): MapResult {
    return applyMapFile(this.#rules, { name, direction, peer: describeMapPeer(address) });
  }
}

/** A peer as rules see it: family, and the texts of `\i` and `\x`. A mapped IPv4 address counts as IPv4. */
export function describeMapPeer(address: Ipv4 | string): MapPeer {
  const ipv6 = typeof address === 'string' ? parseIpv6(address) : undefined;
  const ipv4 = typeof address === 'string' ? ipv6 && ipv4OfMapped(ipv6) : address;
  if (ipv4 !== undefined) return { family: 'ipv4', text: formatIpv4(ipv4), hex: formatIpv4Hex(ipv4) };
  if (ipv6 === undefined) return { family: 'ipv6', text: String(address), hex: '' };
  return { family: 'ipv6', text: formatIpv6(ipv6), hex: ipv6.toUpperCase() };
}

/** Bytes, not characters: one code unit an octet. */
async function readMapFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    const { message, osCode } = ioErrorFrom('cannot be read', error);
    const words = STRERROR[osCode ?? ''] ?? message;
    throw new ConfigError([problemAt(path, 1, `Cannot open map file: ${path}: ${words}`)]);
  }
}

/** What in.tftpd would print, from glibc. */
const STRERROR: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
};

function problemAt(file: string, line: number, message: string): ConfigProblem {
  return { severity: 'error', file, line, column: 1, message };
}
