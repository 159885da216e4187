import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** A program that has a socket open. */
interface PortHolder {
  readonly command: string;
  readonly pid: number;
}

/** What Node 24 and later call their main thread, and with it the process; nobody would know who that is. */
const NODE_THREAD = 'MainThread';

/**
 * Says who holds a UDP port of this network namespace, as the second half of a sentence: `port 67 is held by
 * dnsmasq, pid 812`. Where the kernel does not let this user look, `... by another process (not visible to this
 * user)`. Walks /proc, so it is meant for the moment when a service fails to start.
 */
export function describePortHolder(port: number, procFolder = '/proc'): string {
  const inodes = socketsOn(port, procFolder);
  if (inodes.size === 0) return `port ${port} is held by a socket that is gone by now`;
  const holders = findHolders(inodes, procFolder);
  if (holders.length === 0) {
    return `port ${port} is held by another process (not visible to this user)`;
  }
  return `port ${port} is held by ${holders.map(({ command, pid }) => `${command}, pid ${pid}`).join(', and ')}`;
}

/** Whether any program of this network namespace has a socket on the UDP port. */
export function isUdpPortHeld(port: number, procFolder = '/proc'): boolean {
  return socketsOn(port, procFolder).size > 0;
}

function socketsOn(port: number, procFolder: string): ReadonlySet<string> {
  return new Set(['udp', 'udp6'].flatMap((table) => socketInodes(`${procFolder}/self/net/${table}`, port)));
}

/** The name of a process as `ps` shows it; undefined when there is none, or it may not be seen. */
export function processCommand(pid: number, procFolder = '/proc'): string | undefined {
  const name = readText(`${procFolder}/${pid}/comm`)?.trim();
  if (name !== NODE_THREAD) return name;
  const [program = ''] = readText(`${procFolder}/${pid}/cmdline`)?.split('\0') ?? [];
  return basename(program) || name;
}

/** Inodes of the sockets on the port, out of the kernel's table: `sl local_address rem_address st ... inode`. */
function socketInodes(table: string, port: number): string[] {
  const inodes: string[] = [];
  for (const line of (readText(table) ?? '').split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const localPort = columns[1]?.split(':')[1];
    const inode = columns[9];
    if (localPort === undefined || inode === undefined) continue;
    if (Number.parseInt(localPort, 16) === port) inodes.push(inode);
  }
  return inodes;
}

function findHolders(inodes: ReadonlySet<string>, procFolder: string): PortHolder[] {
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const holders: PortHolder[] = [];
  for (const entry of readFolder(procFolder)) {
    if (!/^\d+$/.test(entry)) continue;
    const descriptors = `${procFolder}/${entry}/fd`;
    if (!readFolder(descriptors).some((fd) => wanted.has(readLink(`${descriptors}/${fd}`) ?? ''))) continue;
    const pid = Number(entry);
    holders.push({ pid, command: processCommand(pid, procFolder) ?? 'a process' });
  }
  return holders;
}

// Processes come and go while we look, and some may not be looked at: each is then passed over.

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
