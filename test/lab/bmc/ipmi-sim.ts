import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackgroundProcess } from '../processes.ts';

/** What an `ipmi_sim` is started with. */
export interface IpmiSimOptions {
  /** Of its own: configuration, state, and the files `power` and `boot` of the machine behind it. */
  readonly folder: string;
  readonly port: number;
  /** TCP port on loopback that its serial over LAN is connected to; undefined: it has none. */
  readonly serialPort?: number;
  /** Asks it something; resolves with whether it answered. */
  readonly isThere: () => Promise<boolean>;
}

/**
 * Starts OpenIPMI's BMC simulator on loopback, with the user `admin` and the password `secret`, and resolves when it answers:
 * it says nothing when it is ready.
 */
export async function startIpmiSim({
  folder,
  port,
  serialPort,
  isThere,
}: IpmiSimOptions): Promise<BackgroundProcess> {
  await mkdir(join(folder, 'state'));
  const chassis = join(folder, 'chassis');
  await writeFile(chassis, CHASSIS_PROGRAM);
  await chmod(chassis, 0o755);
  await writeFile(join(folder, 'power'), '0');
  await writeFile(join(folder, 'emu'), EMULATION);
  await writeFile(join(folder, 'lan.conf'), lanConfiguration(port, `${chassis} ${folder}`, serialPort));
  const simulator = BackgroundProcess.start('ipmi_sim', 'ipmi_sim', [
    ...['-c', join(folder, 'lan.conf'), '-f', join(folder, 'emu'), '-s', join(folder, 'state'), '-n'],
  ]);
  for (let attempt = 0; attempt < 6; attempt += 1) {
    if (await isThere()) return simulator;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await simulator.stop();
  throw new Error(`ipmi_sim does not answer\n${simulator.tail()}`);
}

const EMULATION = [
  'mc_setbmc 0x20',
  'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02',
  'sel_enable 0x20 100 0x0a',
  'mc_enable 0x20',
  '',
].join('\n');

const CHASSIS_PROGRAM = `#!/bin/sh
# What ipmi_sim calls: FOLDER get|set PARAMETER [VALUE]...
folder=$1; operation=$2; shift 2
case $operation in
  get) for name in "$@"; do case $name in
         power) echo "power:$(cat "$folder/power")" ;;
         boot) echo "boot:$(cat "$folder/boot" 2>/dev/null || echo none)" ;;
       esac; done ;;
  set) while [ $# -ge 2 ]; do echo "$2" >"$folder/$1"; shift 2; done ;;
esac
`;

function lanConfiguration(port: number, chassis: string, serialPort: number | undefined): string {
  const all = 'none md2 md5 straight';
  return [
    'name "bootd-test"',
    'set_working_mc 0x20',
    '  startlan 1',
    `    addr 127.0.0.1 ${port}`,
    '    priv_limit admin',
    ...['callback', 'user', 'operator', 'admin'].map((level) => `    allowed_auths_${level} ${all}`),
    '    guid 00112233445566778899aabbccddeeff',
    '  endlan',
    ...(serialPort === undefined ? [] : [`  sol "tcp:127.0.0.1:${serialPort}" 115200`]),
    `  chassis_control "${chassis}"`,
    `  user 1 true "" "" user 10 ${all}`,
    `  user 2 true "admin" "secret" admin 10 ${all}`,
    '',
  ].join('\n');
}
