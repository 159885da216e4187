import { parentPort } from 'node:worker_threads';
import { hostHttpBoot } from './http-boot-host.ts';
import type { ToHttpBootThread } from './http-boot-messages.ts';

/** Entry of the thread that speaks HTTP with machines: a rack that fetches ramdisks does not delay a DHCP reply. */
const port = parentPort;
if (port === null) throw new Error('http-boot-worker is started by the HTTP boot service, not by itself');

const receive = hostHttpBoot((message) => {
  port.postMessage(message);
  if (message.kind === 'stopped') port.close();
});
port.on('message', (message: ToHttpBootThread) => receive(message));
