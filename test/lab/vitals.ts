import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a process uses, as the kernel counts it. */
export interface Vitals {
  readonly residentMiB: number;
  /** The most that it ever had. */
  readonly peakMiB: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** Throws when the process is gone. */
export function readVitals(pid: number): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string): number => {
    const [, number] = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status) ?? [];
    if (number === undefined) throw new Error(`the kernel does not tell ${name} of process ${pid}`);
    return Number(number);
  };
  return {
    residentMiB: field('VmRSS') / 1024,
    peakMiB: field('VmHWM') / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
  };
}

/** MiB of all files below a folder; what is removed meanwhile counts nothing. */
export function folderMiB(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const octets = names.reduce((sum, name) => {
    const entry = statSync(join(folder, name), { throwIfNoEntry: false });
    return sum + (entry?.isFile() === true ? entry.size : 0);
  }, 0);
  return octets / 2 ** 20;
}
