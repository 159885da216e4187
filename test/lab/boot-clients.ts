import { setTimeout as sleep } from 'node:timers/promises';
import { parseIpv4, type Ipv4 } from '../../src/addr/ipv4.ts';
import { macToBytes, type Mac } from '../../src/addr/mac.ts';
import type { BootOffer } from '../../src/probe/boot-offer.ts';
import { FirmwareClient, type FirmwareStep } from '../../src/probe/firmware-client.ts';
import { FIRMWARE_SHAPES, type FirmwareShapeName } from '../../src/probe/firmware-shapes.ts';
import {
  BROADCAST_FLAG,
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../src/wire/dhcp/dhcp-message.ts';
import type { Namespace } from './namespaces.ts';
import { NamespaceUdpSocket } from './udp-socket.ts';

/** What a machine came to. */
export interface PlayedBoot {
  readonly lease: BootOffer | undefined;
  /** Why it has none. */
  readonly failure: string | undefined;
}

/** A message that a test words itself. */
export interface WordedMessage {
  readonly mac: string;
  /** Undefined: BOOTP. */
  readonly type: number | undefined;
  readonly ciaddr?: string;
  readonly options?: ReadonlyMap<number, Uint8Array>;
}

const EVERYBODY = '255.255.255.255';
const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const OPTION_MESSAGE_TYPE = 53;

/** dhcpd pings an address for a second before it offers it; a loaded machine is slower still. */
const BRISK = { retransmitMs: [8000, 8000, 8000], leastDiscovers: 1, collectMs: 0 };

/** Machines of all kinds on one card of a namespace, side by side. All of them ask for broadcasts: none has an address. */
export class BootClients {
  readonly #socket: NamespaceUdpSocket;
  readonly #listeners = new Set<(message: DhcpMessage) => void>();
  #xid = 0x0b5e_0000;

  private constructor(socket: NamespaceUdpSocket) {
    this.#socket = socket;
  }

  static async open(namespace: Namespace): Promise<BootClients> {
    const clients = new BootClients(await NamespaceUdpSocket.open(namespace, CLIENT_PORT));
    void clients.#socket.follow(({ payload }) => {
      const message = decodeDhcpMessage(payload);
      for (const listener of clients.#listeners) listener(message);
    });
    return clients;
  }

  /** Plays the firmware from its first packet to its address. */
  async boot(kind: FirmwareShapeName, mac: string): Promise<PlayedBoot> {
    const machine = { mac: mac as Mac, uuid: new Uint8Array(16).fill(7) };
    const client = new FirmwareClient({
      shape: FIRMWARE_SHAPES[kind],
      machine,
      times: BRISK,
      xid: this.#nextXid(),
      forceBroadcast: true,
    });
    return new Promise((resolve, reject) => {
      const perform = async (steps: readonly FirmwareStep[]): Promise<void> => {
        for (const step of steps) {
          if (step.kind === 'send') await this.#send(step.message);
          if (step.kind === 'bound') end({ lease: step.lease, failure: undefined });
          if (step.kind === 'failed') end({ lease: undefined, failure: step.reason });
          if (step.kind === 'ignored') end({ lease: undefined, failure: step.reason });
        }
        wakeInTime();
      };
      const go = (steps: readonly FirmwareStep[]): void => void perform(steps).catch(reject);
      const hear = (message: DhcpMessage): void => go(client.receive(message, Date.now()));
      let timer: NodeJS.Timeout | undefined;
      const wakeInTime = (): void => {
        clearTimeout(timer);
        const { wakeAt } = client;
        if (wakeAt === undefined || !this.#listeners.has(hear)) return;
        timer = setTimeout(() => go(client.wake(Date.now())), Math.max(0, wakeAt - Date.now()));
      };
      const end = (played: PlayedBoot): void => {
        this.#listeners.delete(hear);
        clearTimeout(timer);
        resolve(played);
      };
      this.#listeners.add(hear);
      go(client.start(Date.now()));
    });
  }

  /** Sends one message; resolves with its answer, or undefined when there was none in time. */
  async ask(worded: WordedMessage, withinMs: number): Promise<DhcpMessage | undefined> {
    const xid = this.#nextXid();
    let answer: DhcpMessage | undefined;
    const hear = (message: DhcpMessage): void => {
      if (message.xid === xid) answer ??= message;
    };
    this.#listeners.add(hear);
    await this.#send({ ...wordMessage(worded), xid });
    const endsAt = Date.now() + withinMs;
    while (answer === undefined && Date.now() < endsAt) await sleep(20);
    this.#listeners.delete(hear);
    return answer;
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  #nextXid(): number {
    this.#xid += 1;
    return this.#xid;
  }

  #send(message: DhcpMessage): Promise<void> {
    return this.#socket.send([encodeDhcpMessage(message)], EVERYBODY, SERVER_PORT);
  }
}

/** The message, from a card without an address that asks for a broadcast. */
export function wordMessage({ mac, type, ciaddr, options = new Map() }: WordedMessage): DhcpMessage {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac as Mac));
  const said = new Map(options);
  if (type !== undefined) said.set(OPTION_MESSAGE_TYPE, Uint8Array.of(type));
  return {
    ...EMPTY_MESSAGE,
    flags: BROADCAST_FLAG,
    ciaddr: (ciaddr === undefined ? 0 : (parseIpv4(ciaddr) ?? 0)) as Ipv4,
    chaddr,
    options: said,
  };
}
