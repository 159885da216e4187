import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hostDataPlane } from './tftp-data-plane-host.ts';
import type { ToDataPlane } from './tftp-messages.ts';

/**
 * Entry of the thread that sends files. It shares nothing with the daemon's thread but file descriptors and messages,
 * so a rack that boots does not delay a DHCP reply.
 */
const port = parentPort;
if (port === null) throw new Error('tftp-worker is started by the TFTP service, not by itself');

/**
 * On Linux this concerns the calling thread alone. Where there are fewer processors than work, a DHCP reply of a few
 * microseconds goes before the next block of a file.
 */
const NICER_BY = 5;
try {
  setPriority(Math.min(getPriority() + NICER_BY, 19));
} catch {
  // A sandbox that forbids it costs DHCP some latency on a busy host, and nothing else.
}

const receive = hostDataPlane((message) => {
  port.postMessage(message);
  if (message.kind === 'stopped') port.close();
});
port.on('message', (message: ToDataPlane) => receive(message));
