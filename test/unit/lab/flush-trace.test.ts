import { describe, expect, it } from 'vitest';
import { encodeClientMessage } from '../../lab/dhcp-messages.ts';
import { judgeFlushes } from '../../lab/flush-trace.ts';

/** A message as strace prints it with -xx; the type is that of the client's message with its octet changed. */
function printed(type: number, xid: number, headers = 0): string {
  const bytes = encodeClientMessage({ type: 'request', mac: '02:00:00:00:00:01', xid, broadcast: true });
  bytes[242] = type;
  const all = Buffer.concat([Buffer.alloc(headers), bytes]);
  return `"${all.toString('hex').replaceAll(/../g, '\\x$&')}"`;
}

const received = (xid: number): string =>
  `700 recvmsg(21, {msg_iov=[{iov_base=${printed(3, xid)}, iov_len=65536}]}, 0) = 300`;
const sent = (xid: number): string =>
  `700 sendto(22, ${printed(5, xid, 42)}, 342, MSG_DONTWAIT, NULL, 0) = 342`;
const batch = (...xids: number[]): string =>
  `700 sendmmsg(21, [${xids.map((xid) => `{iov_base=${printed(5, xid)}}`).join(', ')}], 2, 0) = 2`;

describe('a trace of system calls', () => {
  it.each([
    ['a flush between', [received(7), '702 fdatasync(9) = 0', sent(7)], []],
    ['no flush', [received(7), sent(7)], [7]],
    ['a flush before the request', ['702 fdatasync(9) = 0', received(7), sent(7)], [7]],
    [
      'a flush that began before the request',
      ['702 fdatasync(9 <unfinished ...>', received(7), '702 <... fdatasync resumed>) = 0', sent(7)],
      [7],
    ],
    [
      'a flush that is not done when the reply leaves',
      [received(7), '702 fdatasync(9 <unfinished ...>', sent(7), '702 <... fdatasync resumed>) = 0'],
      [7],
    ],
    ['a flush that failed', [received(7), '702 fdatasync(9) = -1 EIO (Input/output error)', sent(7)], [7]],
    [
      'one flush for two, one of which came too late',
      [received(7), '702 fsync(9) = 0', received(8), batch(7, 8)],
      [8],
    ],
  ])('with %s', (_title, lines, unflushed) => {
    expect(judgeFlushes(lines.join('\n')).unflushed).toEqual(unflushed);
  });

  it('counts what it saw', () => {
    const lines = [received(7), received(8), '702 fdatasync(9) = 0', batch(7, 8)];
    expect(judgeFlushes(lines.join('\n'))).toEqual({ acks: 2, flushes: 1, unflushed: [] });
  });
});
