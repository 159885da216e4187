import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { TestBmc } from '../lab/bmc/test-bmc.ts';
import { BackgroundProcess } from '../lab/processes.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const BMCS = 500;
const INTERVAL_SECONDS = 30;
/** Of USER_HZ, in which /proc counts. */
const TICKS_PER_SECOND = 100;

/** One request to the control socket; resolves with the body. */
function call(socketPath: string, method: string, path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const out = request({ socketPath, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => ((answer.statusCode ?? 0) < 300 ? resolve(text) : reject(new Error(text))));
    });
    out.on('error', reject);
    out.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Processor time of a process so far, all its threads, in seconds. */
async function processorSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function pollsDone(socket: string): Promise<number> {
  const metrics = await call(socket, 'GET', '/metrics');
  return Number(/^bootd_power_polls_total\{result="done"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

it(`${BMCS} BMCs polled every ${INTERVAL_SECONDS} s take less than 5 % of one core`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bootd-polling-'));
  const socket = join(folder, 'control.sock');
  const bmcs = await Promise.all(Array.from({ length: BMCS }, () => TestBmc.start()));
  await writeFile(
    join(folder, 'bootd.yaml'),
    stringify({
      'state-directory': join(folder, 'state'),
      'log-level': 'warn',
      control: { socket },
      power: { 'poll-interval': INTERVAL_SECONDS },
    }),
  );
  const daemon = BackgroundProcess.start('bootd', process.execPath, [
    ...[PROGRAM, 'serve', '--config', join(folder, 'bootd.yaml')],
  ]);
  try {
    await daemon.waitFor(() => undefined, 'readiness', 1).catch(() => undefined);
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (await call(socket, 'GET', '/healthz').catch(() => undefined)) break;
      await sleep(200);
    }
    for (const [index, { port }] of bmcs.entries()) {
      const tail = (index * 8_589_934).toString(16).padStart(8, '0').slice(-8);
      await call(socket, 'PUT', `/v1/nodes/00000000-0000-4000-8000-0000${tail}`, {
        ports: [],
        bmc: { address: '127.0.0.1', port, username: 'admin', password: 'secret' },
      });
    }
    // Every session is open by then, and what is measured is what goes on.
    await sleep((INTERVAL_SECONDS + 3) * 1000);
    const [before, pollsBefore] = [await processorSeconds(daemon.pid), await pollsDone(socket)];
    await sleep(INTERVAL_SECONDS * 1000);
    const seconds = (await processorSeconds(daemon.pid)) - before;
    const polls = (await pollsDone(socket)) - pollsBefore;
    const share = (100 * seconds) / INTERVAL_SECONDS;
    console.log(
      `${polls} polls in ${INTERVAL_SECONDS} s took ${seconds.toFixed(2)} s: ${share.toFixed(1)} % of one core`,
    );
    expect(polls).toBeGreaterThan(BMCS * 0.9);
    expect(share).toBeLessThan(5);
    // One session each, kept from poll to poll.
    expect(bmcs.filter(({ events }) => events.length !== 1)).toEqual([]);
  } finally {
    await daemon.stop();
    await Promise.all(bmcs.map((bmc) => bmc.stop()));
    await rm(folder, { recursive: true, force: true });
  }
});
