import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabNetwork } from '../namespaces.ts';
import type { BackgroundProcess } from '../processes.ts';
import { bootMachine, type BootReport, type Machine } from '../virtual-machine.ts';

/** Where the chassis' BMC listens, inside the server's namespace, and who may use it. */
export interface BmcAccess {
  readonly address: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const FIRST_PORT = 6230;
const LOOK_EVERY_MS = 50;

/** ipmi_sim asks it for values and sets them: `CONTROL FOLDER get|set NAME [VALUE]...`; each is a file. */
const CONTROL = `#!/bin/sh
folder=$1
what=$2
shift 2
if [ "$what" = get ]; then
  for name; do echo "$name:$(cat "$folder/$name")"; done
elif [ "$what" = set ]; then
  while [ $# -ge 2 ]; do
    echo "$1 $2" >>"$folder/journal"
    echo "$2" >"$folder/.$1"
    mv "$folder/.$1" "$folder/$1"
    shift 2
  done
fi
`;

const EMULATION = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;

/**
 * A bare machine with a BMC: OpenIPMI's simulator answers Ironic's ipmitool, and switching the power on boots an
 * emulated machine if the network is its boot device. A machine whose guest has halted stays switched on, so that Ironic,
 * which watches the power, does not switch it on again.
 */
export class Chassis {
  readonly machine: Machine;
  readonly bmc: BmcAccess;
  readonly #network: LabNetwork;
  readonly #folder: string;
  #simulator: BackgroundProcess | undefined;
  #watch: Promise<void> | undefined;
  #closed = false;
  #boots: Promise<BootReport>[] = [];
  #hold: Promise<void> = Promise.resolve();

  private constructor(network: LabNetwork, machine: Machine, number: number) {
    this.machine = machine;
    this.#network = network;
    this.#folder = join(network.folder, `chassis-${number}`);
    const access = { username: 'ADMIN', password: 'ADMIN' };
    this.bmc = { address: '127.0.0.1', port: FIRST_PORT + number, ...access };
  }

  /** Builds it, switched off. `number` tells the chassis of a lab apart. */
  static async open(network: LabNetwork, machine: Machine, number: number): Promise<Chassis> {
    const chassis = new Chassis(network, machine, number);
    await chassis.#open();
    return chassis;
  }

  /** What switching on has booted so far, the latest last. */
  get boots(): readonly Promise<BootReport>[] {
    return this.#boots;
  }

  /** The latest boot; rejects when the machine does not get to its kernel, or was never switched on for the network. */
  async latestBoot(): Promise<BootReport> {
    const boot = this.#boots.at(-1);
    if (boot === undefined) throw new Error(`${this.machine.mac} was not switched on for a network boot`);
    return boot;
  }

  /** Lets a machine that is switched on do nothing until `release` resolves: time to break something first. */
  holdUntil(release: Promise<void>): void {
    this.#hold = release;
  }

  /** What Ironic has set, in its order: `power 1`, `boot pxe`, ... */
  async journal(): Promise<readonly string[]> {
    const text = await readFile(join(this.#folder, 'journal'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** What a guest that switches itself off writes `0` into. */
  get powerFile(): string {
    return join(this.#folder, 'power');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#simulator?.stop();
    await this.#watch;
  }

  async #open(): Promise<void> {
    const folder = this.#folder;
    await mkdir(join(folder, 'persistent'), { recursive: true });
    for (const [name, value] of Object.entries({ power: '0', boot: 'default', shutdown: '0', reset: '0' })) {
      await writeFile(join(folder, name), `${value}\n`);
    }
    const control = join(folder, 'control');
    await writeFile(control, CONTROL);
    await chmod(control, 0o755);
    await writeFile(join(folder, 'emulation'), EMULATION);
    await writeFile(join(folder, 'lan.conf'), this.#lanConfiguration(control));
    this.#simulator = this.#network.server.start('BMC', 'ipmi_sim', [
      ...['-n', '-c', join(folder, 'lan.conf')],
      ...['-f', join(folder, 'emulation'), '-s', join(folder, 'persistent')],
    ]);
    this.#watch = this.#watchPower();
  }

  #lanConfiguration(control: string): string {
    const { address, port, username, password } = this.bmc;
    const levels = ['callback', 'user', 'operator', 'admin'];
    return [
      `name "${this.machine.mac}"`,
      'set_working_mc 0x20',
      'startlan 1',
      `addr ${address} ${port}`,
      'priv_limit admin',
      ...levels.map((level) => `allowed_auths_${level} none md2 md5 straight`),
      'guid a123456789abcdefa123456789abcdef',
      'endlan',
      `chassis_control "${control} ${this.#folder}"`,
      `user 2 true "${username}" "${password}" admin 10 none md2 md5 straight`,
      '',
    ].join('\n');
  }

  async #read(name: string): Promise<string> {
    return (await readFile(join(this.#folder, name), 'utf8').catch(() => '')).trim();
  }

  /** Ends with the chassis, or with the lab's folder. */
  async #watchPower(): Promise<void> {
    let wasOn = false;
    while (!this.#closed && existsSync(this.powerFile)) {
      const isOn = (await this.#read('power')) === '1';
      if (isOn && !wasOn && (await this.#read('boot')) === 'pxe') {
        const boot = this.#hold.then(() => bootMachine(this.#network, this.machine));
        // Whoever asks for the boot hears of its failure.
        boot.catch(() => undefined);
        this.#boots.push(boot);
      }
      wasOn = isOn;
      await sleep(LOOK_EVERY_MS);
    }
  }
}
