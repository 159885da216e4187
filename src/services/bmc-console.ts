import type { ConsoleListener, OpenConsole } from '../control/power-commands.ts';
import type { Clock } from '../io/clock.ts';
import { getDeviceId } from '../ipmi/device-id.ts';
import type { IpmiError } from '../ipmi/ipmi-error.ts';
import {
  activateSerial,
  deactivateSerial,
  SerialConsole,
  type ConsoleAction,
} from '../ipmi/serial-over-lan.ts';
import { WireError } from '../wire/wire-error.ts';
import type { BmcConnection } from './bmc-connection.ts';

/** Serial packets do not count as life of a session for every controller, so something is asked now and then. */
const KEEP_ALIVE_MS = 20_000;

/**
 * Serial over LAN on a session of its own. The session is closed when it ends, whoever ends it. Rejects with IpmiError
 * when the controller does not give its serial port; with `takeOver` another console is put out first.
 */
export async function openBmcConsole(
  connection: BmcConnection,
  clock: Clock,
  takeOver: boolean,
  listener: ConsoleListener,
): Promise<OpenConsole> {
  try {
    if (takeOver) await connection.run(deactivateSerial());
    return new BmcConsole(
      connection,
      clock,
      new SerialConsole(await connection.run(activateSerial(connection.isEncrypted))),
      listener,
    );
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Drives a SerialConsole with real packets and timers. */
class BmcConsole implements OpenConsole {
  readonly #connection: BmcConnection;
  readonly #clock: Clock;
  readonly #console: SerialConsole;
  readonly #listener: ConsoleListener;
  readonly #keepAlive: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(connection: BmcConnection, clock: Clock, console: SerialConsole, listener: ConsoleListener) {
    this.#connection = connection;
    this.#clock = clock;
    this.#console = console;
    this.#listener = listener;
    this.#keepAlive = setInterval(() => {
      // Its failure ends the connection, which is told below.
      connection.run(getDeviceId()).catch(() => undefined);
    }, KEEP_ALIVE_MS);
    connection.listen(
      (payload) => this.#receive(payload),
      (error) => this.#end(error),
    );
  }

  type(characters: Uint8Array): void {
    this.#perform(this.#console.type(characters, this.#clock.monotonic()));
  }

  sendBreak(): void {
    this.#perform(this.#console.sendBreak(this.#clock.monotonic()));
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimers();
    // Another console may have the port at once. One that does not answer frees it by itself.
    await this.#connection.run(deactivateSerial()).catch(() => undefined);
    this.#connection.close();
  }

  #receive(payload: Uint8Array): void {
    try {
      this.#perform(this.#console.receive(payload, this.#clock.monotonic()));
    } catch (error) {
      // A packet too short to be one says nothing; the controller sends it again.
      if (!(error instanceof WireError)) throw error;
    }
  }

  #perform(actions: readonly ConsoleAction[]): void {
    for (const action of actions) {
      if (this.#isOver) return;
      switch (action.kind) {
        case 'send':
          this.#connection.sendSerial(action.payload);
          break;
        case 'output':
          this.#listener.onOutput(action.characters);
          break;
        case 'overrun':
          this.#listener.onOutput(OVERRUN);
          break;
        case 'ended':
          this.#end(action.error);
          return;
      }
    }
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { wakeAt } = this.#console;
    if (wakeAt === undefined || this.#isOver) return;
    const delayMs = Math.max(0, Math.ceil(wakeAt - this.#clock.monotonic()));
    this.#timer = setTimeout(() => this.#perform(this.#console.wake(this.#clock.monotonic())), delayMs);
  }

  #end(error: IpmiError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimers();
    this.#connection.close();
    this.#listener.onEnd(error);
  }

  #stopTimers(): void {
    clearInterval(this.#keepAlive);
    clearTimeout(this.#timer);
  }
}

const OVERRUN = new TextEncoder().encode('\r\n[characters were lost here]\r\n');
