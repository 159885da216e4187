import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { findProgram } from './tools.ts';
import { run } from './processes.ts';

/**
 * /init of the ramdisk: gets an address on the network card that the machine booted from, prints the line that
 * virtual-machine.ts waits for, and switches the machine off.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox --install -s /bin
export PATH=/bin
echo RAMDISK-RUNNING
while read -r module; do insmod "/modules/$module" || echo "BOOT-FAIL insmod $module"; done </modules/order

# BOOTIF=01-aa-bb-cc-dd-ee-ff on the kernel's command line names the card; without it, it is the only one.
wanted=$(tr ' ' '\\n' </proc/cmdline | sed -n 's/^BOOTIF=01-//p' | tr 'A-F-' 'a-f:')
card=
tries=0
while [ -z "$card" ] && [ $tries -lt 100 ]; do
  for folder in /sys/class/net/*/device; do
    [ -e "$folder" ] || continue
    name=\${folder#/sys/class/net/}
    name=\${name%/device}
    [ -n "$wanted" ] && [ "$(cat "/sys/class/net/$name/address")" != "$wanted" ] || card=$name
  done
  tries=$((tries + 1))
  [ -n "$card" ] || sleep 0.1
done
[ -n "$card" ] || { echo "BOOT-FAIL no network card $wanted"; poweroff -f; }
mac=$(cat "/sys/class/net/$card/address")
ip link set "$card" up
udhcpc -i "$card" -f -n -q -t 8 -T 3 -s /lease-script || echo "BOOT-FAIL no lease for $mac"
[ ! -e /address ] || echo "BOOT-OK mac=$mac ip=$(cat /address) cmdline=$(cat /proc/cmdline)"
poweroff -f
`;

const LEASE_SCRIPT = `#!/bin/sh
[ "$1" != bound ] || echo "$ip" >/address
`;

/** The driver of the machines' network card, and the bus that it sits on. */
const DRIVERS = ['virtio_pci', 'virtio_net'];

/** Builds the ramdisk for a kernel version into a file; `work` is an empty folder to build in. */
export async function buildRamdisk(kernelVersion: string, work: string, file: string): Promise<void> {
  const busybox = findProgram('busybox');
  if (busybox === undefined) throw new Error('busybox is not installed');
  const linkage = await run('ldd', [busybox]).catch((error: unknown) => String(error));
  if (!/not a dynamic executable|statically linked/.test(linkage)) {
    throw new Error(`${busybox} is not static: the machines need the one of busybox-static`);
  }
  await mkdir(join(work, 'bin'));
  await mkdir(join(work, 'modules'));
  await copyFile(busybox, join(work, 'bin/busybox'));
  await writeFile(join(work, 'init'), INIT);
  await writeFile(join(work, 'lease-script'), LEASE_SCRIPT);
  for (const program of ['bin/busybox', 'init', 'lease-script']) await chmod(join(work, program), 0o755);
  const modules = await driverFiles(kernelVersion);
  for (const module of modules) {
    // Some distributions compress their modules; busybox would need the same compressor to load them.
    if (module.endsWith('.xz')) {
      await run('sh', ['-euc', 'xz -dc "$1" >"$2"', 'sh', module, join(work, 'modules', moduleName(module))]);
    } else {
      await copyFile(module, join(work, 'modules', moduleName(module)));
    }
  }
  await writeFile(join(work, 'modules/order'), modules.map((module) => `${moduleName(module)}\n`).join(''));
  const pack = 'cd "$1"; find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner 0:0 | gzip -9n >"$2"';
  await run('sh', ['-euc', pack, 'sh', work, file]);
}

function moduleName(path: string): string {
  return basename(path).replace(/\.xz$/, '');
}

/** The files of the drivers and of what they depend on, in the order to load them; none for what is built in. */
async function driverFiles(kernelVersion: string): Promise<readonly string[]> {
  const folder = `/lib/modules/${kernelVersion}`;
  const table = await readFile(join(folder, 'modules.dep'), 'utf8');
  const files = DRIVERS.flatMap((driver) => {
    const line = table.split('\n').find((one) => new RegExp(`/${driver}\\.ko(\\.xz)?:`).test(one));
    // depmod writes each module behind those that need it.
    return line === undefined ? [] : line.replace(':', '').trim().split(/ +/).reverse();
  });
  return [...new Set(files)].map((file) => join(folder, file));
}
