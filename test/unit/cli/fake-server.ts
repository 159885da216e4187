import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import {
  BOOTREPLY,
  decodeDhcpMessage,
  encodeDhcpMessage,
  textField,
} from '../../../src/wire/dhcp/dhcp-message.ts';
import { OPTION } from '../../../src/wire/dhcp/option-codes.ts';
import { SimulatedTftpServer } from '../probe/simulated-tftp-server.ts';

const DISCOVER = 1;
const RELEASE = 7;

/** A server on loopback that gives everybody one address and the files of a table. */
export class FakeServer {
  readonly configFile: string;
  /** Message types in the order received; 0 for BOOTP. */
  readonly dhcpTypes: number[] = [];
  readonly fileNames: string[] = [];
  readonly #folder: string;
  readonly #sockets: readonly Socket[];

  private constructor(folder: string, configFile: string, sockets: readonly Socket[]) {
    this.#folder = folder;
    this.configFile = configFile;
    this.#sockets = sockets;
  }

  /** `bootFile` of undefined: nobody answers DHCP. */
  static async start(options: {
    readonly bootFile: string | undefined;
    readonly files: Readonly<Record<string, string>>;
    readonly controlSocket: string;
  }): Promise<FakeServer> {
    const [dhcp, tftp, spare] = [await bound(), await bound(), await bound()];
    const clientPort = spare.address().port;
    await closed(spare);
    const folder = mkdtempSync(join(tmpdir(), 'bootd-probe-'));
    const configFile = join(folder, 'bootd.yaml');
    writeFileSync(
      configFile,
      `interfaces: [lo]
dhcp:
  port: ${dhcp.address().port}
  client-port: ${clientPort}
  subnets: [{ subnet: 127.0.0.0/24, ranges: [{ range: 127.0.0.128-127.0.0.254 }] }]
tftp: { root: ${folder}, port: ${tftp.address().port} }
control: { socket: ${options.controlSocket} }
`,
    );
    const server = new FakeServer(folder, configFile, [dhcp, tftp]);
    dhcp.on('message', (datagram) => {
      const reply = server.#answer(datagram, options.bootFile);
      if (reply !== undefined) dhcp.send(reply, clientPort, '127.0.0.1');
    });
    tftp.on(
      'message',
      (datagram, { address, port }) => void server.#transfer(datagram, options.files, address, port),
    );
    return server;
  }

  #answer(datagram: Buffer, bootFile: string | undefined): Uint8Array | undefined {
    const request = decodeDhcpMessage(datagram);
    const type = request.options.get(OPTION.messageType)?.[0] ?? 0;
    this.dhcpTypes.push(type);
    if (bootFile === undefined || type === RELEASE) return undefined;
    const options = new Map<number, Uint8Array>([
      ...(type === 0 ? [] : [[OPTION.messageType, Uint8Array.of(type === DISCOVER ? 2 : 5)] as const]),
      [OPTION.serverIdentifier, Uint8Array.of(127, 0, 0, 1)],
      [OPTION.leaseTime, Uint8Array.of(0, 0, 2, 88)],
    ]);
    return encodeDhcpMessage({
      ...request,
      op: BOOTREPLY,
      yiaddr: parseIpv4('127.0.0.200')!,
      siaddr: parseIpv4('127.0.0.1')!,
      file: textField(bootFile, 'file')!,
      options,
    });
  }

  /** Each transfer from a socket of its own, as TFTP has it. */
  async #transfer(
    datagram: Buffer,
    files: Readonly<Record<string, string>>,
    address: string,
    port: number,
  ): Promise<void> {
    const [name = ''] = datagram.subarray(2).toString('latin1').split('\0');
    this.fileNames.push(name);
    const socket = await bound();
    const text = files[name];
    if (text === undefined) {
      socket.send(Buffer.from('\0\u0005\0\u0001File not found\0', 'latin1'), port, address, () =>
        socket.close(),
      );
      return;
    }
    const transfer = new SimulatedTftpServer({ content: Buffer.from(text) });
    const send = (packets: readonly Buffer[]): void =>
      packets.forEach((packet) => socket.send(packet, port, address));
    socket.on('message', (packet) => {
      send(transfer.receive(packet, 0));
      if (transfer.wakeAt === undefined) socket.close();
    });
    send(transfer.receive(datagram, 0));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sockets.map(closed));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
