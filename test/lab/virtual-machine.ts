import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Capture } from './capture.ts';
import { DISK_MARKER, type LocalDisk } from './local-disk.ts';
import type { LabNetwork } from './namespaces.ts';
import { decodeDhcp, formatPackets, tftpExchanges, type UdpPacket } from './packets.ts';
import type { BackgroundProcess } from './processes.ts';

/** A machine to boot. */
export interface Machine {
  /**
   * `bios`: SeaBIOS with iPXE as its option ROM; `uefi`: OVMF with its own PXE client; `uefi-http`: OVMF with PXE
   * turned off, so that it boots over HTTP.
   */
  readonly firmware: 'bios' | 'uefi' | 'uefi-http';
  readonly mac: string;
  /** Behind the network card in the boot order; what it holds must say DISK-OK (local-disk.ts makes such disks). */
  readonly disk?: LocalDisk;
}

/** What a machine that reached its ramdisk, or the loader on its disk, has told. */
export interface BootReport {
  readonly from: 'network' | 'disk';
  /** The address that its ramdisk got; empty after a boot from the disk. */
  readonly address: string;
  /** The kernel's command line. */
  readonly commandLine: string;
  readonly console: readonly string[];
  /** Its packets but for DATA and ACK, and the broadcasts that carry its address. */
  readonly packets: readonly UdpPacket[];
  readonly phases: readonly BootPhase[];
}

/** A step of a boot and its time after switching on; steps that did not happen are left out. */
export interface BootPhase {
  readonly name: string;
  readonly afterMs: number;
}

/** Emulation is slow, and slower beside other work; a boot takes 40 to 90 seconds on two idle cores. */
const BOOT_TIMEOUT_MS = 300_000;

const OVMF = '/usr/share/OVMF';
const MARKER = new RegExp(`BOOT-OK |BOOT-FAIL|${DISK_MARKER}`);

/** The system UUID of the lab's machine with this MAC, which firmware puts into DHCP option 97. */
export function machineUuid(mac: string): string {
  return `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`;
}

/** A machine that is on, with its serial port. */
export interface RunningMachine {
  readonly process: BackgroundProcess;
  switchOff(): Promise<void>;
}

/** Switches a machine on that will not get far; the function returned switches it off. */
export async function startMachine(network: LabNetwork, machine: Machine): Promise<() => Promise<void>> {
  const running = await switchOn(network, machine);
  return () => running.switchOff();
}

/** Switches a machine on; with its cable pulled out its card has a link to nowhere. */
export async function switchOn(
  network: LabNetwork,
  machine: Machine,
  cable: 'plugged' | 'unplugged' = 'plugged',
): Promise<RunningMachine> {
  const tap = network.takeTap();
  if (cable === 'unplugged') await network.unplugTap(tap);
  const variables = join(network.folder, `${tap}-variables.fd`);
  if (machine.firmware !== 'bios') await copyFile(`${OVMF}/OVMF_VARS_4M.fd`, variables);
  const qemu = network.switches.start(
    `machine ${machine.mac}`,
    'qemu-system-x86_64',
    qemuArguments(machine, tap, variables),
  );
  const switchOff = async (): Promise<void> => {
    await qemu.stop('SIGKILL');
    await rm(variables, { force: true });
    if (cable === 'unplugged') await network.plugTap(tap);
    network.releaseTap(tap);
  };
  return { process: qemu, switchOff };
}

/**
 * Switches a machine on and waits until its ramdisk has said that it runs. Rejects with the end of the console and
 * all of its packets when it does not get there.
 */
export async function bootMachine(network: LabNetwork, machine: Machine): Promise<BootReport> {
  const tap = network.takeTap();
  const variables = join(network.folder, `${tap}-variables.fd`);
  const capture = await Capture.start(network.switches, tap);
  const switchedOnAt = Date.now();
  try {
    if (machine.firmware !== 'bios') await copyFile(`${OVMF}/OVMF_VARS_4M.fd`, variables);
    const qemu = network.switches.start(
      `machine ${machine.mac}`,
      'qemu-system-x86_64',
      qemuArguments(machine, tap, variables),
    );
    const marks = watchMarks(qemu, switchedOnAt);
    const said = await waitForMarker(qemu).catch((error: unknown) => error);
    // It switches itself off; a machine that failed is not waited for.
    if (typeof said === 'string' && !said.includes(DISK_MARKER))
      await Promise.race([qemu.ended, delay(5_000)]);
    await qemu.stop('SIGKILL');
    const packets = (await capture.stop()).filter((packet) => concerns(packet, machine.mac));
    if (typeof said !== 'string') {
      throw new Error(`${machine.firmware} machine ${machine.mac} did not boot\n${formatPackets(packets)}`, {
        cause: said,
      });
    }
    const [, address = '', commandLine = ''] = /ip=(\S*) cmdline=(.*)$/.exec(said) ?? [];
    const phases = [...packetPhases(packets, switchedOnAt), ...marks()];
    const from = said.includes(DISK_MARKER) ? 'disk' : 'network';
    return { from, address, commandLine, console: qemu.lines, packets, phases };
  } finally {
    await capture.stop().catch(() => undefined);
    await rm(variables, { force: true });
    network.releaseTap(tap);
  }
}

function qemuArguments(machine: Machine, tap: string, variables: string): readonly string[] {
  const common = [
    ...['-accel', 'tcg', '-m', '512', '-smp', '1', '-nodefaults', '-no-user-config', '-no-reboot'],
    ...['-display', 'none', '-vga', 'none', '-monitor', 'none', '-serial', 'stdio'],
    ...['-uuid', machineUuid(machine.mac), '-rtc', 'base=utc'],
    ...['-netdev', `tap,id=wire,ifname=${tap},script=no,downscript=no`],
    ...(machine.disk === undefined ? [] : diskArguments(machine.disk)),
  ];
  const card = `virtio-net-pci,netdev=wire,mac=${machine.mac},bootindex=1`;
  switch (machine.firmware) {
    case 'bios':
      return [...common, '-machine', 'pc', '-device', card];
    case 'uefi':
    case 'uefi-http':
      return [
        ...common,
        ...['-machine', 'q35', '-device', `${card},romfile=`],
        ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${OVMF}/OVMF_CODE_4M.fd`],
        ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
        // There is no IPv6 on the wire, and looking for it would only cost time.
        ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
        ...(machine.firmware === 'uefi' ? [] : ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n']),
      ];
  }
}

function diskArguments({ image }: LocalDisk): readonly string[] {
  return [
    ...['-drive', `if=none,id=disk,format=raw,file=${image}`],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=2'],
  ];
}

async function waitForMarker(qemu: BackgroundProcess): Promise<string> {
  const line = await qemu.waitForLine(MARKER, BOOT_TIMEOUT_MS);
  if (line.includes('BOOT-FAIL')) throw new Error(`the ramdisk says ${line}\n${qemu.tail()}`);
  return line;
}

/** Notes when lines that begin a phase are printed; the function returned tells which were. */
function watchMarks(qemu: BackgroundProcess, switchedOnAt: number): () => readonly BootPhase[] {
  const phases: BootPhase[] = [];
  const marks = {
    'kernel started': /Linux version/,
    'ramdisk started': /RAMDISK-RUNNING/,
    marker: /BOOT-OK /,
  };
  for (const [name, pattern] of Object.entries(marks)) {
    // The wait for the marker reports what went wrong; here its absence only leaves the phase out.
    qemu.waitForLine(pattern, BOOT_TIMEOUT_MS).then(
      () => phases.push({ name, afterMs: Date.now() - switchedOnAt }),
      () => undefined,
    );
  }
  return () => phases.toSorted((a, b) => a.afterMs - b.afterMs);
}

function packetPhases(packets: readonly UdpPacket[], switchedOnAt: number): readonly BootPhase[] {
  const firstDhcp = (type: string): UdpPacket | undefined =>
    packets.find((packet) => decodeDhcp(packet.payload)?.type === type);
  const firstRequest = (pattern: RegExp): UdpPacket | undefined =>
    packets.find((packet) => {
      const [exchange] = tftpExchanges([packet]);
      return exchange !== undefined && pattern.test(exchange.request.name);
    });
  const phases = {
    discover: firstDhcp('discover'),
    offer: firstDhcp('offer'),
    ack: firstDhcp('ack'),
    'first file asked': firstRequest(/./),
    'kernel asked': firstRequest(/kernel$/),
    'ramdisk asked': firstRequest(/ramdisk$/),
  };
  return Object.entries(phases).flatMap(([name, packet]) =>
    packet === undefined ? [] : [{ name, afterMs: Math.round(packet.atMs - switchedOnAt) }],
  );
}

function concerns(packet: UdpPacket, mac: string): boolean {
  return (
    packet.ethernetSource === mac ||
    packet.ethernetDestination === mac ||
    decodeDhcp(packet.payload)?.chaddr === mac
  );
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
