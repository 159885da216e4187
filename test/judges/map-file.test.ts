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

test.each(['vectors.json', 'noreply.json'])(
  'in.tftpd answers as recorded in %s, and so does bootd',
  async (file) => {
    const run = BackgroundProcess.start('wire-check.py', 'python3', [
      judge('conformance/mapfile/wire-check.py'),
      judge(`conformance/mapfile/${file}`),
      ...['--command', AS_NOBODY, '-q'],
    ]);
    try {
      const { code } = await run.ended;
      // It prints nothing but failures and, last, its counts.
      expect(run.lines.slice(0, -1)).toEqual([]);
      expect(run.lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, \d+ left out$/);
      expect(code).toBe(0);
    } finally {
      await run.stop();
    }
  },
);
