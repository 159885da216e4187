import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess } from '../lab/processes.ts';
import { judge } from './folder.ts';

needs('namespaces', 'judge-tools');

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Without a map-file bootd keeps names inside of the root unless told otherwise, so that a bare `pxelinux.0` works;
 * in.tftpd does so only with --secure. The judge says nothing where in.tftpd's default is meant, so it is said here.
 *
 * in.tftpd runs as nobody, and so must bootd be judged: root could read every file. nobody may not be allowed into the
 * folders where the checkout and Node lie, so both are shown to it in another place, in the judge's own mounts.
 */
const AS_NOBODY = `
  grep -q -e map-file: -e secure: {config} || echo '  secure: false' >>{config}
  if [ ! -e /mnt/bootd ]; then
    mount -t tmpfs -o mode=0755 judge /mnt
    mkdir /mnt/bootd /mnt/node
    mount --bind ${quoted(CHECKOUT)} /mnt/bootd
    mount --bind ${quoted(dirname(process.execPath))} /mnt/node
  fi
  exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_bind_service \
    --ambient-caps=+net_bind_service /mnt/node/node /mnt/bootd/bin/bootd serve --config {config}`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The names of the vectors that failed; throws when the judge itself did not come to its end. */
async function failures(file: string, only?: string): Promise<readonly string[]> {
  const run = BackgroundProcess.start('wire-check.py', 'python3', [
    judge('conformance/mapfile/wire-check.py'),
    judge(`conformance/mapfile/${file}`),
    ...['--command', AS_NOBODY, '-q'],
    ...(only === undefined ? [] : ['--only', only]),
  ]);
  try {
    await run.ended;
    expect(run.lines.at(-1)).toMatch(/^\d+ passed, \d+ failed, \d+ left out$/);
    console.log(run.lines.join('\n'));
    return run.lines.flatMap(failedNames);
  } finally {
    await run.stop();
  }
}

/** `FAIL name`, or `FAIL ['name', ...] why` when the server did not start in time. */
function failedNames(line: string): readonly string[] {
  const [, list, name] = /^FAIL (?:\[(.*?)\]|(\S+))/.exec(line) ?? [];
  if (list === undefined) return name === undefined ? [] : [name];
  return [...list.matchAll(/'([^']+)'/g)].map(([, one = '']) => one);
}

/**
 * The judge waits 1.5 s for each answer, and a process that has just started may need longer for its first one while
 * other tests keep the machine busy. What failed is asked again by itself: a wrong answer stays wrong.
 */
const FURTHER_ATTEMPTS = 3;

/** More than these are no accident. */
const LATE_ANSWERS_MAX = 40;

test.each(['vectors.json', 'noreply.json'])(
  'in.tftpd answers as recorded in %s, and so does bootd',
  async (file) => {
    let failed = await failures(file);
    expect(failed.length).toBeLessThan(LATE_ANSWERS_MAX);
    for (let attempt = 1; attempt <= FURTHER_ATTEMPTS && failed.length > 0; attempt++) {
      const still: string[] = [];
      for (const name of failed) {
        // `--only` takes every name that contains this one.
        if ((await failures(file, name)).includes(name)) still.push(name);
      }
      failed = still;
    }
    expect(failed).toEqual([]);
  },
);
