import { Worker } from 'node:worker_threads';
import { hostHttpBoot, type HttpBootLimits } from './http-boot-host.ts';
import type { FromHttpBootThread, ToHttpBootThread } from './http-boot-messages.ts';

/** The daemon's end of the conversation with the thread that speaks HTTP. */
export interface HttpBootLink {
  post(message: ToHttpBootThread): void;
  /** Gives the thread back, also when it no longer answers. */
  terminate(): Promise<void>;
}

/** Who hears what the thread says; `failed` when it died. */
export interface HttpBootLinkListener {
  message(message: FromHttpBootThread): void;
  failed(error: Error): void;
}

export type OpenHttpBootLink = (listener: HttpBootLinkListener) => HttpBootLink;

/** Serves in a thread of its own. */
export function openHttpBootThread(listener: HttpBootLinkListener): HttpBootLink {
  const worker = startThread();
  let over = false;
  const fail = (error: Error): void => {
    if (over) return;
    over = true;
    listener.failed(error);
  };
  worker.on('message', (message: FromHttpBootThread) => {
    if (message.kind === 'stopped') over = true;
    listener.message(message);
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`the HTTP boot thread ended with code ${code}`)));
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => {
      over = true;
      await worker.terminate();
    },
  };
}

/** Serves in this thread: for tests, and for looking at it with a debugger. */
export function openHttpBootInline(limits?: HttpBootLimits): OpenHttpBootLink {
  return (listener) => {
    const receive = hostHttpBoot((message) => setImmediate(() => listener.message(message)), limits);
    return { post: (message) => receive(message), terminate: () => Promise.resolve() };
  };
}

// The files that it reads are opened and closed in the daemon's thread.
const THREAD_OPTIONS = { name: 'http-boot', trackUnmanagedFds: false };

/** In a checkout that was not built the thread is TypeScript, and Node 20 gives a thread no loader for it. */
function startThread(): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./http-boot-worker.js', import.meta.url), THREAD_OPTIONS);
  }
  const entry = JSON.stringify(new URL('./http-boot-worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(code, { ...THREAD_OPTIONS, eval: true });
}
