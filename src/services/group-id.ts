import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * The number of a group by its name; undefined when there is none. Asks /etc/group, and then the name service, which
 * knows groups that are kept elsewhere.
 */
export async function groupIdOf(name: string): Promise<number | undefined> {
  const local = await readFile('/etc/group', 'utf8').catch(() => '');
  return groupIdIn(local, name) ?? groupIdIn(await askNameService(name), name);
}

function groupIdIn(table: string, name: string): number | undefined {
  const fields = table
    .split('\n')
    .map((line) => line.split(':'))
    .find(([candidate]) => candidate === name);
  return fields?.[2] !== undefined && /^\d+$/.test(fields[2]) ? Number(fields[2]) : undefined;
}

/** A line of /etc/group's form; empty when the name is unknown, or there is no getent. */
async function askNameService(name: string): Promise<string> {
  try {
    return (await promisify(execFile)('getent', ['group', name], { timeout: 5000 })).stdout;
  } catch {
    return '';
  }
}
