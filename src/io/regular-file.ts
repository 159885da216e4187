import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ioErrorFrom, IoError } from './io-error.ts';

/** FIFOs are opened without waiting for somebody who writes. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** A text file whose name somebody else chose. Throws IoError, for devices, FIFOs and what is longer than `mostOctets` too. */
export function readRegularFileSync(path: string, mostOctets: number): string {
  try {
    const fd = openSync(path, FLAGS);
    try {
      const facts = fstatSync(fd);
      requireRegular(path, facts.isFile(), facts.size, mostOctets);
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioErrorFrom(`cannot read ${path}`, error);
  }
}

/** As readRegularFileSync, with the time of the last change in milliseconds since 1970. Rejects with IoError. */
export async function readRegularFile(
  path: string,
  mostOctets: number,
): Promise<{ readonly text: string; readonly writtenAt: number }> {
  try {
    const file = await open(path, FLAGS);
    try {
      const facts = await file.stat();
      requireRegular(path, facts.isFile(), facts.size, mostOctets);
      return { text: await file.readFile('utf8'), writtenAt: facts.mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioErrorFrom(`cannot read ${path}`, error);
  }
}

function requireRegular(path: string, isFile: boolean, size: number, mostOctets: number): void {
  if (!isFile) throw new IoError('failed', `cannot read ${path}: it is no regular file`);
  if (size <= mostOctets) return;
  throw new IoError('failed', `cannot read ${path}: it is longer than ${mostOctets} octets`);
}
