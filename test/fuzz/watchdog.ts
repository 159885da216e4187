import { Worker } from 'node:worker_threads';

/** Processor time that one input may take before the run is given up; no target allows so much. */
const MOST_MS = 30_000;

/**
 * Ends the process when the same input has taken half a minute of the processor, and says which: an endless loop leaves nobody else
 * to say it. Runs in a thread of its own, which sees only a number in shared memory.
 */
export class Watchdog {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  /** `advice` is printed with the number of the input in the place of `%d`. */
  constructor(advice: string) {
    this.#worker = new Worker(WATCH, {
      eval: true,
      workerData: { state: this.#state, advice, mostMs: MOST_MS },
    });
    this.#worker.unref();
  }

  /** Another input is begun. */
  readonly progress = (iteration: number): void => {
    this.#state[0] = iteration;
    this.#state[1] = (this.#state[1] ?? 0) + 1;
  };

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const WATCH = `
const { workerData: { state, advice, mostMs } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
let [seen, since] = [-1, cpuMs()];
setInterval(() => {
  if (state[1] !== seen) [seen, since] = [state[1], cpuMs()];
  else if (cpuMs() - since > mostMs) {
    writeSync(2, advice.replace('%d', String(state[0])) + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
}, 500);
`;
