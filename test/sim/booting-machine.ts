import { readBootOffer } from '../../src/probe/boot-offer.ts';
import type { BootVerdict, FileAnswer, FileRequest, LoaderSteps } from '../../src/probe/file-request.ts';
import { bootMachine } from '../../src/probe/loader-client.ts';
import { TftpClient, type TftpClientStep } from '../../src/probe/tftp-client.ts';
import type { DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import type { LossyNetwork } from './lossy-network.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/** As firmware has it, more or less: a request is made six times, two seconds apart. */
const TIMES = { retransmitMs: 2000, attempts: 6 };

/** Where a request for a file goes: whoever is the server at that moment. */
export type RequestSink = (
  bytes: Uint8Array,
  peer: { readonly address: number; readonly port: number },
) => void;

/**
 * What a machine does once it has an address: the ROM and the loader of `bootd probe`, over a network that loses,
 * doubles and reorders. One that gets stuck begins anew with DHCP, as a machine whose watchdog bites.
 */
export class BootingMachine {
  readonly machine: SimulatedMachine;
  /** What the last boot came to; undefined: it is under way, or there was none. */
  verdict: BootVerdict | undefined;
  /** When the machine was switched on, and when it had its ramdisk. */
  begunAt = 0;
  bootedAt: number | undefined;
  /** Since when one file has been fetched; undefined: none is. */
  fetchingSince: number | undefined;
  readonly #network: LossyNetwork;
  readonly #sink: RequestSink;
  #port = 1024;
  /** Counts boots: what an earlier one waited for is of no interest. */
  #boot = 0;

  constructor(machine: SimulatedMachine, network: LossyNetwork, sink: RequestSink) {
    this.machine = machine;
    this.#network = network;
    this.#sink = sink;
    machine.onBound = (ack) => this.#begin(ack);
  }

  #begin(ack: DhcpMessage): void {
    this.#boot += 1;
    this.verdict = undefined;
    this.fetchingSince = undefined;
    const lease = readBootOffer(ack);
    const uuid = new Uint8Array(16).fill(this.#port);
    const machine = { mac: this.machine.client.mac, uuid };
    this.#advance(
      bootMachine({ firmware: 'bios-undi', machine, lease, grubPrefix: '' }),
      undefined,
      this.#boot,
    );
  }

  #advance(steps: LoaderSteps<BootVerdict>, answer: FileAnswer | undefined, boot: number): void {
    if (boot !== this.#boot || this.machine.state === 'off') return;
    const next = answer === undefined ? steps.next() : steps.next(answer);
    if (next.done !== true) {
      this.#fetch(next.value, (fetched) => this.#advance(steps, fetched, boot));
      return;
    }
    this.verdict = next.value;
    if (next.value.kind === 'kernel') this.bootedAt = this.#network.clock.now();
  }

  #fetch(request: FileRequest, done: (answer: FileAnswer) => void): void {
    const { source } = request;
    const address = this.machine.lease?.address;
    if (source.kind !== 'tftp' || address === undefined) {
      done({ kind: 'failed', reason: 'there is no address, or no TFTP' });
      return;
    }
    const { clock } = this.#network;
    const boot = this.#boot;
    const port = (this.#port = this.#port >= 60_000 ? 1024 : this.#port + 1);
    const client = new TftpClient(source.request, TIMES);
    const pieces: Uint8Array[] = [];
    this.fetchingSince = clock.now();
    let isOver = false;
    const perform = (steps: readonly TftpClientStep[]): void => {
      for (const step of steps) {
        if (step.kind === 'data') pieces.push(step.octets.slice());
        else if (step.kind === 'done') {
          isOver = true;
          this.fetchingSince = undefined;
          // A late packet is still answered for a while.
          clock.after(TIMES.retransmitMs * 3, () => this.#network.disconnect(address, port));
          done(answerOf(step.result, pieces));
        } else if (step.to === 'server') {
          const { bytes } = step;
          this.#network.request(() => this.#sink(bytes, { address, port }));
        } else this.#network.toServer(step.to, address, port, step.bytes);
      }
    };
    const watch = (): void => {
      const at = client.wakeAt;
      if (at === undefined || isOver) return;
      clock.at(at, () => {
        if (isOver || boot !== this.#boot || this.machine.state === 'off') return;
        if (client.wakeAt !== undefined && clock.now() >= client.wakeAt) perform(client.wake(clock.now()));
        watch();
      });
    };
    this.#network.connect(address, port, (bytes, serverPort) => {
      if (boot === this.#boot && this.machine.state !== 'off')
        perform(client.receive(bytes, serverPort, clock.now()));
    });
    perform(client.start(clock.now()));
    watch();
  }
}

function answerOf(
  result: Extract<TftpClientStep, { kind: 'done' }>['result'],
  pieces: readonly Uint8Array[],
): FileAnswer {
  const content = Buffer.concat(pieces);
  switch (result.kind) {
    case 'received':
      return { kind: 'served', octets: result.octets, content };
    case 'aborted':
      return { kind: 'aborted', octets: result.size, content };
    case 'refused':
      return { kind: 'refused', reason: result.message };
    case 'failed':
      return { kind: 'failed', reason: result.reason };
  }
}
