import type { Namespace } from './namespaces.ts';
import { BackgroundProcess } from './processes.ts';
import { decodeFrame, type UdpPacket } from './packets.ts';

/**
 * Everything of UDP but TFTP's DATA and ACK: a boot has tens of thousands of those and their loss tests nothing.
 * A DHCP message cannot be mistaken for one, since op is 1 or 2.
 */
export const ALL_BUT_TFTP_DATA = 'udp and not (udp[8:2] = 3 or udp[8:2] = 4)';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Packets of one interface, read live: a test can wait for one as well as look back. */
export class Capture {
  readonly packets: UdpPacket[] = [];
  readonly #process: BackgroundProcess;
  #unread = Buffer.alloc(0);
  #headerRead = false;

  private constructor(namespace: Namespace, device: string, filter: string) {
    const options = ['-i', device, '-n', '-U', '--immediate-mode', '-s', '2048', '-w', '-'];
    this.#process = BackgroundProcess.startPiped(
      'tcpdump',
      'ip',
      ['netns', 'exec', namespace.name, 'tcpdump', ...options, filter],
      (piece) => this.#read(piece),
    );
  }

  /** Resolves when the interface is being listened on. */
  static async start(namespace: Namespace, device: string, filter = ALL_BUT_TFTP_DATA): Promise<Capture> {
    const capture = new Capture(namespace, device, filter);
    await capture.#process.waitForLine(/listening on/, 10_000);
    return capture;
  }

  /** The first packet for which the test holds, as soon as it is there. */
  async waitFor(test: (packet: UdpPacket) => boolean, timeoutMs: number): Promise<UdpPacket> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.packets.find(test);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no such packet within ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /**
   * Ends the capture and returns all of it. Rejects when the kernel had to drop packets: then their absence would
   * prove nothing.
   */
  async stop(): Promise<readonly UdpPacket[]> {
    // What is on its way from the kernel through tcpdump gets the time to arrive.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await this.#process.stop('SIGINT');
    const dropped = this.#process.lines.find((line) => /^[1-9]\d* packets? dropped by kernel/.test(line));
    if (dropped !== undefined) throw new Error(`the capture is not complete: ${dropped}`);
    return this.packets;
  }

  /** The format of pcap-savefile(5), as tcpdump writes it on a little-endian machine, in microseconds. */
  #read(piece: Buffer): void {
    let bytes = Buffer.concat([this.#unread, piece]);
    if (!this.#headerRead) {
      if (bytes.length < FILE_HEADER) {
        this.#unread = bytes;
        return;
      }
      if (bytes.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error('tcpdump writes an unknown format');
      this.#headerRead = true;
      bytes = bytes.subarray(FILE_HEADER);
    }
    while (bytes.length >= RECORD_HEADER) {
      const end = RECORD_HEADER + bytes.readUInt32LE(8);
      if (bytes.length < end) break;
      const atMs = bytes.readUInt32LE(0) * 1000 + bytes.readUInt32LE(4) / 1000;
      const packet = decodeFrame(bytes.subarray(RECORD_HEADER, end), atMs);
      if (packet !== undefined) this.packets.push(packet);
      bytes = bytes.subarray(end);
    }
    this.#unread = bytes;
  }
}
