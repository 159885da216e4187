import { endianness } from 'node:os';
import { ioErrorFromErrno } from './io-error.ts';
import { LINUX } from './kernel-socket.ts';
import type { Libc } from './libc.ts';

/** BPF_LD | BPF_H | BPF_ABS and so on of <linux/filter.h>. */
const LOAD_HALF_WORD = 0x28;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

const INSTRUCTION_SIZE = 8;
const LITTLE_ENDIAN = endianness() === 'LE';

/** One instruction: what it does, how far to jump if that holds and if not, and its operand. */
export type FilterInstruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/**
 * Lets the kernel drop every frame whose 16-bit number at the offset is another one, so that a busy wire does not
 * wake us, or fill the socket's buffer, with what nobody asked for. Throws IoError.
 */
export function keepFramesWith(libc: Libc, fd: number, offset: number, value: number): void {
  attachFilter(libc, fd, [
    [LOAD_HALF_WORD, 0, 0, offset],
    [JUMP_IF_EQUAL, 0, 1, value],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ]);
}

/** Has the kernel ask a program of the classic packet filter about each frame. Throws IoError. */
export function attachFilter(libc: Libc, fd: number, program: readonly FilterInstruction[]): void {
  setProgram(libc, fd, LINUX.SO_ATTACH_FILTER, program, 'cannot filter frames');
}

/**
 * Of the sockets that share this one's port (SO_REUSEPORT), has the one that was bound first get every datagram. Throws
 * IoError.
 */
export function giveAllToFirst(libc: Libc, fd: number): void {
  setProgram(libc, fd, LINUX.SO_ATTACH_REUSEPORT_CBPF, [[RETURN, 0, 0, 0]], 'cannot choose who receives');
}

function setProgram(
  libc: Libc,
  fd: number,
  option: number,
  program: readonly FilterInstruction[],
  what: string,
): void {
  const code = new Uint8Array(program.length * INSTRUCTION_SIZE);
  const view = new DataView(code.buffer);
  program.forEach(([operation, ifTrue, ifFalse, operand], position) => {
    const at = position * INSTRUCTION_SIZE;
    view.setUint16(at, operation, LITTLE_ENDIAN);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, operand, LITTLE_ENDIAN);
  });
  // struct sock_fprog: the number of instructions, padding, and a pointer to them.
  const header = new Uint8Array(16);
  const headerView = new DataView(header.buffer);
  headerView.setUint16(0, program.length, LITTLE_ENDIAN);
  headerView.setBigUint64(8, BigInt(libc.addressOf(code)), LITTLE_ENDIAN);
  if (libc.setsockopt(fd, LINUX.SOL_SOCKET, option, header, header.length) < 0) {
    throw ioErrorFromErrno(what, libc.errno());
  }
}
