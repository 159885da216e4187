import { setTimeout as sleep } from 'node:timers/promises';
import type { Bmc } from '../../../src/boot/node.ts';
import type { LabNetwork } from '../namespaces.ts';
import { NamespaceUdpSocket } from '../udp-socket.ts';
import { switchOn, type Machine, type RunningMachine } from '../virtual-machine.ts';
import { TestBmc } from './test-bmc.ts';

/** Where the lab's management client is, whose namespace its BMCs share. */
const ADDRESS = '10.167.36.125';

/**
 * A bare machine with a BMC on the management wire: its power button starts and ends an emulated machine, whose serial
 * port the BMC hands on. A guest that switches itself off is off.
 */
export class MachineBmc {
  readonly bmc: TestBmc;
  /** Its power as it changed: `on` and `off`, a cycle is both. */
  readonly powerLog: string[] = [];
  /** Whether its network cable is in its socket the next time that it is switched on. */
  cable: 'plugged' | 'unplugged' = 'plugged';
  readonly #network: LabNetwork;
  readonly #machine: Machine;
  readonly #socket: NamespaceUdpSocket;
  readonly #port: number;
  readonly #printed: string[] = [];
  #running: RunningMachine | undefined;
  /** Changes of power come one after the other, in the order in which they were asked for. */
  #changes: Promise<void> = Promise.resolve();

  private constructor(network: LabNetwork, machine: Machine, socket: NamespaceUdpSocket, port: number) {
    this.#network = network;
    this.#machine = machine;
    this.#socket = socket;
    this.#port = port;
    this.bmc = TestBmc.inMemory({}, (reply, peer) => {
      // A socket that was closed meanwhile sends nothing; the test is over then.
      socket.send([reply], peer.address, peer.port).catch(() => undefined);
    });
    this.bmc.machine.onPower = (power) => {
      this.powerLog.push(power);
      this.#changes = this.#changes.then(() => (power === 'on' ? this.#start() : this.#stop()));
    };
  }

  /** Builds it, switched off. The port tells the BMCs of a lab apart. */
  static async open(network: LabNetwork, machine: Machine, port: number): Promise<MachineBmc> {
    const socket = await NamespaceUdpSocket.open(network.managementClient, port);
    const machineBmc = new MachineBmc(network, machine, socket, port);
    void socket.follow(({ address, port: from, payload }) =>
      machineBmc.bmc.take(payload, { address, port: from, family: 'IPv4', size: payload.length }),
    );
    return machineBmc;
  }

  /** Its BMC as a node has it in the control API. */
  get access(): Pick<Bmc, 'address' | 'port' | 'username' | 'password'> {
    return { address: ADDRESS, port: this.#port, username: 'admin', password: 'secret' };
  }

  /** All that its serial port printed, over all of its boots. */
  get printed(): readonly string[] {
    return this.#printed;
  }

  /** The first line that matches, as soon as it was printed; rejects when the time is over. */
  async waitForLine(pattern: RegExp, timeoutMs: number): Promise<string> {
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
      const line = this.#printed.find((one) => pattern.test(one));
      if (line !== undefined) return line;
      await sleep(100);
    }
    throw new Error(`no line like ${String(pattern)} came\n${this.#printed.slice(-25).join('\n')}`);
  }

  async close(): Promise<void> {
    await this.#changes;
    await this.#stop();
    await this.#socket.close();
  }

  async #start(): Promise<void> {
    const running = await switchOn(this.#network, this.#machine, this.cable);
    this.#running = running;
    void this.#showSerial(running);
    void running.process.ended.then(() => {
      if (this.#running === running) this.bmc.machine.power = 'off';
    });
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.switchOff();
  }

  /** Hands each line on as it comes, until the machine is off. */
  async #showSerial({ process }: RunningMachine): Promise<void> {
    const { lines } = process;
    for (let next = 0; ; next += 1) {
      const look = (): string | undefined => lines[next];
      const line = await process.waitFor(look, 'a further line', 3_600_000).catch(() => undefined);
      if (line === undefined) return;
      this.#printed.push(line);
      this.bmc.print(`${line}\r\n`);
    }
  }
}
