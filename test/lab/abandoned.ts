import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './processes.ts';

/**
 * What a lab has made, written down before it is made: a test run that is killed cannot clean up, so the next one
 * does. On /run, because namespaces do not outlive the machine's uptime either.
 */
const RECORDS = '/run/bootd-lab';

/** What has to be removed with a lab. */
interface LabBelongings {
  readonly namespaces: readonly string[];
  readonly folder: string;
}

interface LabRecord extends LabBelongings {
  readonly owner: ProcessIdentity;
}

/** A pid alone may belong to another process by now; with its start time it cannot. */
interface ProcessIdentity {
  readonly pid: number;
  readonly startedAtTicks: string;
}

/** Notes a lab as belonging to this process. */
export async function recordLab(name: string, belongings: LabBelongings): Promise<void> {
  const startedAtTicks = await startOf(process.pid);
  if (startedAtTicks === undefined) throw new Error('/proc is not mounted');
  const record: LabRecord = { owner: { pid: process.pid, startedAtTicks }, ...belongings };
  await mkdir(RECORDS, { recursive: true, mode: 0o700 });
  // Written aside first: another run may be reading the folder.
  await writeFile(join(RECORDS, `.${name}`), JSON.stringify(record));
  await rename(join(RECORDS, `.${name}`), join(RECORDS, name));
}

/** Removes a lab with everything that runs in its namespaces, and its record. */
export async function forgetLab(name: string): Promise<void> {
  const record = await readRecord(name);
  if (record === undefined) return;
  for (const namespace of record.namespaces) await removeNamespace(namespace);
  await rm(record.folder, { recursive: true, force: true });
  await rm(join(RECORDS, name), { force: true });
}

/** Removes the labs whose process is gone; returns their names. */
export async function removeAbandonedLabs(): Promise<readonly string[]> {
  const names = await readdir(RECORDS).catch(() => []);
  const removed: string[] = [];
  for (const name of names.filter((one) => !one.startsWith('.'))) {
    const record = await readRecord(name);
    if (record === undefined || (await startOf(record.owner.pid)) === record.owner.startedAtTicks) continue;
    await forgetLab(name);
    removed.push(name);
  }
  return removed;
}

async function readRecord(name: string): Promise<LabRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(RECORDS, basename(name)), 'utf8')) as LabRecord;
  } catch {
    return undefined;
  }
}

/** Whatever runs in a namespace of a lab was started by the lab, whoever its parent is now. */
async function removeNamespace(namespace: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const pids = (await run('ip', ['netns', 'pids', namespace]).catch(() => '')).split('\n').filter(Boolean);
    if (pids.length === 0) break;
    for (const pid of pids) {
      try {
        process.kill(Number(pid), attempt === 0 ? 'SIGTERM' : 'SIGKILL');
      } catch {
        // It ended by itself in the meantime.
      }
    }
    await sleep(attempt === 0 ? 300 : 50);
  }
  await run('ip', ['netns', 'del', namespace]).catch(() => undefined);
}

/** Field 22 of /proc/PID/stat: clock ticks from boot to the start of the process. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the command in brackets and may hold blanks and brackets itself.
  return stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}
