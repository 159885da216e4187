/** Reads what strace wrote of a server: did each acknowledgement leave after a flush that began after its request? */

const DHCP_TYPE_REQUEST = 3;
const DHCP_TYPE_ACK = 5;

/** What one line of a trace says about flushes and DHCP messages. */
type TraceEvent =
  | { readonly kind: 'request' | 'ack'; readonly xid: number }
  | { readonly kind: 'flush-started' | 'flush-done'; readonly thread: string };

/**
 * Options of strace that the functions below understand: whole packets, as hex, of all threads. With -D the traced program is
 * the process that was started, and gets its signals.
 */
export const STRACE_OPTIONS = [
  ...['-D', '-f', '-xx', '-s', '4096', '--seccomp-bpf'],
  ...['-e', 'trace=recvfrom,recvmsg,recvmmsg,sendto,sendmsg,sendmmsg,fdatasync,fsync'],
] as const;

/** What a trace shows about acknowledgements. */
export interface FlushReport {
  readonly acks: number;
  readonly flushes: number;
  /** Transaction ids of ACKs between whose REQUEST and which no flush began and ended. */
  readonly unflushed: readonly number[];
}

/** Judges a trace that was written with STRACE_OPTIONS. */
export function judgeFlushes(trace: string): FlushReport {
  /** When the last request of each transaction came in, counted in events. */
  const requestedAt = new Map<number, number>();
  const startedAt = new Map<string, number>();
  /** When the youngest of the flushes that are done began. */
  let flushedSince = -1;
  let flushes = 0;
  let acks = 0;
  const unflushed: number[] = [];
  trace
    .split('\n')
    .flatMap(readLine)
    .forEach((event, at) => {
      switch (event.kind) {
        case 'request':
          requestedAt.set(event.xid, at);
          return;
        case 'flush-started':
          startedAt.set(event.thread, at);
          return;
        case 'flush-done':
          flushes += 1;
          flushedSince = Math.max(flushedSince, startedAt.get(event.thread) ?? -1);
          return;
        case 'ack':
          acks += 1;
          if (flushedSince < (requestedAt.get(event.xid) ?? Infinity)) unflushed.push(event.xid);
          return;
      }
    });
  return { acks, flushes, unflushed };
}

function readLine(line: string): readonly TraceEvent[] {
  const [, thread = '', call = ''] = /^(\d+) +(?:<\.\.\. )?([a-z]+)/.exec(line) ?? [];
  if (call === 'fdatasync' || call === 'fsync') {
    const started = !line.includes('<... ') ? [{ kind: 'flush-started', thread } as const] : [];
    const done = line.endsWith(' = 0') ? [{ kind: 'flush-done', thread } as const] : [];
    return [...started, ...done];
  }
  // A call that is interrupted shows what it sends on its first line, and what it received on its second.
  const direction = call.startsWith('recv') ? 'request' : 'ack';
  const wanted = direction === 'request' ? DHCP_TYPE_REQUEST : DHCP_TYPE_ACK;
  return [...line.matchAll(/"((?:\\x[0-9a-f]{2}){240,})"/g)].flatMap(([, hex = '']) => {
    const message = readMessage(Buffer.from(hex.replaceAll('\\x', ''), 'hex'));
    return message?.type === wanted ? [{ kind: direction, xid: message.xid } as const] : [];
  });
}

/** The type and transaction id of a DHCP message, which may have the headers of a frame before it. */
function readMessage(bytes: Buffer): { readonly type: number; readonly xid: number } | undefined {
  const cookie = bytes.indexOf('63825363', 236, 'hex');
  if (cookie === -1) return undefined;
  // bootd writes option 53 first, and so do the clients of these tests.
  const type = bytes[cookie + 4] === 53 ? bytes[cookie + 6] : undefined;
  return type === undefined ? undefined : { type, xid: bytes.readUInt32BE(cookie - 232) };
}
