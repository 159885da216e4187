import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The time that everything in a package bears, so that one source makes one package: SOURCE_DATE_EPOCH, else that of the
 * last commit, else that of package.json, which npm's archives give a time of its own.
 */
export function sourceDate(top: string): Date {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && given !== '') return dateOf(given, 'SOURCE_DATE_EPOCH');
  const { status, stdout } = spawnSync('git', ['-C', top, 'log', '-1', '--format=%ct'], { encoding: 'utf8' });
  if (status === 0) return dateOf(stdout.trim(), 'the last commit');
  return statSync(join(top, 'package.json')).mtime;
}

function dateOf(seconds: string, whose: string): Date {
  if (!/^\d{1,11}$/.test(seconds))
    throw new Error(`the time of ${whose} is no number of seconds: ${seconds}`);
  return new Date(Number(seconds) * 1000);
}
