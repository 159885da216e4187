import { accessLibc } from './libc.ts';
import type { PinnedBytes } from './transfer-socket.ts';

/** Makes memory whose address is known when koffi is there. It must never be transferred to another thread. */
export function allocatePinned(length: number): PinnedBytes {
  // Not out of Node's pool: its pages are handed out again in pieces, and here they live long.
  return pin(Buffer.allocUnsafeSlow(length));
}

function pin(bytes: Uint8Array): PinnedBytes {
  const access = accessLibc();
  return { bytes, address: access.kind === 'available' ? access.libc.addressOf(bytes) : 0 };
}
