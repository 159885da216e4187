import { Worker } from 'node:worker_threads';
import { hostDataPlane } from './tftp-data-plane-host.ts';
import type { FromDataPlane, ToDataPlane } from './tftp-messages.ts';

/** The daemon's end of the conversation with the data plane. */
export interface DataPlaneLink {
  post(message: ToDataPlane): void;
  /** Gives the thread back, also when it no longer answers. */
  terminate(): Promise<void>;
}

/** Who hears what the data plane says; `failed` when its thread died. */
export interface DataPlaneLinkListener {
  message(message: FromDataPlane): void;
  failed(error: Error): void;
}

export type OpenDataPlane = (listener: DataPlaneLinkListener) => DataPlaneLink;

/** Starts the data plane in a thread of its own. */
export function openWorkerDataPlane(listener: DataPlaneLinkListener): DataPlaneLink {
  const worker = startThread();
  let over = false;
  worker.on('message', (message: FromDataPlane) => {
    if (message.kind === 'stopped') over = true;
    listener.message(message);
  });
  worker.on('error', (error) => {
    if (over) return;
    over = true;
    listener.failed(error);
  });
  worker.on('exit', (code) => {
    if (over) return;
    over = true;
    listener.failed(new Error(`the TFTP thread ended with code ${code}`));
  });
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => {
      over = true;
      await worker.terminate();
    },
  };
}

// The thread closes files and sockets that were opened in the daemon's thread, and knows what it does.
const THREAD_OPTIONS = { name: 'tftp', trackUnmanagedFds: false };

/** In a checkout that was not built the thread is TypeScript, and Node 20 gives a thread no loader for it. */
function startThread(): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./tftp-worker.js', import.meta.url), THREAD_OPTIONS);
  }
  const entry = JSON.stringify(new URL('./tftp-worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(code, { ...THREAD_OPTIONS, eval: true });
}

/** Runs the data plane in this thread: for tests, and for looking at it with a debugger. */
export function openInlineDataPlane(listener: DataPlaneLinkListener): DataPlaneLink {
  const receive = hostDataPlane((message) => setImmediate(() => listener.message(message)));
  return {
    post: (message) => receive(message),
    terminate: () => Promise.resolve(),
  };
}
