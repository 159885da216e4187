import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TftpClient,
  type TftpClientStep,
  type TftpReadRequest,
  type TftpReadResult,
} from '../../../src/probe/tftp-client.ts';
import { tftpOptions } from '../../../src/probe/file-request.ts';
import { SimulatedTftpServer, type SimulatedServerOptions } from './simulated-tftp-server.ts';

const TIMES = { retransmitMs: 1000, attempts: 5 };
const LATENCY_MS = 1;

/** What happens to the n-th datagram, both ways counted together. */
type Fate = 'arrives' | 'lost' | 'doubled';

interface Outcome {
  readonly result: TftpReadResult;
  readonly received: Buffer;
  readonly server: SimulatedTftpServer;
  readonly elapsedMs: number;
}

/** Lets client and server talk in virtual time until the client is done. */
function play(
  request: Omit<TftpReadRequest, 'name'>,
  serverOptions: SimulatedServerOptions,
  fateOf: (datagram: number) => Fate = () => 'arrives',
): Outcome {
  const client = new TftpClient({ name: 'kernel', ...request }, TIMES);
  const server = new SimulatedTftpServer(serverOptions);
  const pieces: Buffer[] = [];
  let result: TftpReadResult | undefined;
  let datagrams = 0;
  let now = 0;
  let flying: { at: number; to: 'client' | 'server'; bytes: Buffer }[] = [];
  const send = (to: 'client' | 'server', bytes: Buffer): void => {
    const fate = fateOf(datagrams);
    datagrams += 1;
    if (fate === 'lost') return;
    flying.push({ at: now + LATENCY_MS, to, bytes });
    if (fate === 'doubled') flying.push({ at: now + 2 * LATENCY_MS, to, bytes });
  };
  const act = (steps: readonly TftpClientStep[]): void => {
    for (const step of steps) {
      if (step.kind === 'send') send('server', Buffer.from(step.bytes));
      else if (step.kind === 'data') pieces.push(Buffer.from(step.octets));
      else result = step.result;
    }
  };
  act(client.start(0));
  for (let turn = 0; result === undefined; turn += 1) {
    if (turn > 1_000_000) throw new Error('the transfer does not end');
    flying.sort((a, b) => a.at - b.at);
    const nextDatagram = flying[0]?.at ?? Infinity;
    const nextWake = Math.min(client.wakeAt ?? Infinity, server.wakeAt ?? Infinity);
    now = Math.min(nextDatagram, nextWake);
    if (now === Infinity) throw new Error('nothing is awaited, and the client is not done');
    if (nextDatagram <= nextWake) {
      const [arrived, ...rest] = flying;
      flying = rest;
      if (arrived!.to === 'server')
        server.receive(arrived!.bytes, now).forEach((bytes) => send('client', bytes));
      else act(client.receive(arrived!.bytes, server.port, now));
    } else if (client.wakeAt === now) {
      act(client.wake(now));
    } else {
      server.wake(now).forEach((bytes) => send('client', bytes));
    }
  }
  return { result, received: Buffer.concat(pieces), server, elapsedMs: now };
}

function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 0xff);
}

describe('reading a file', () => {
  it.each([
    ['an empty file', 0, '', 1],
    ['one short block', 100, '', 1],
    ['a multiple of the block size', 1024, '', 3],
    ["iPXE's options", 10_000, 'blksize=1432 tsize=0', 7],
    ["OVMF's options", 100_000, 'blksize=1468 windowsize=4', 69],
    ['a window larger than the file', 3000, 'blksize=512 windowsize=64', 6],
    ['more blocks than numbers', 8 * 65_600, 'blksize=8', 65_601],
    ['more blocks than numbers, in windows', 8 * 70_000, 'blksize=8 windowsize=16', 70_001],
  ])('%s', (_, length, options, blocks) => {
    const file = content(length);
    const outcome = play({ options: options === '' ? [] : tftpOptions(options) }, { content: file });
    expect(outcome.result).toMatchObject({
      kind: 'received',
      octets: length,
      transfer: { blocks, retransmissions: 0 },
    });
    expect(outcome.received.equals(file)).toBe(true);
  });

  it('asks in octet mode with its options in their order', () => {
    const { server } = play({ options: tftpOptions('tsize=0 blksize=1408') }, { content: content(10) });
    expect(server.requests).toEqual(['kernel octet tsize 0 blksize 1408']);
  });

  it('goes on as the server grants it', () => {
    const options = tftpOptions('blksize=1468 windowsize=16 tsize=0');
    const { result } = play({ options }, { content: content(9000), unknown: ['blksize'], windowMax: 2 });
    expect(result).toMatchObject({
      kind: 'received',
      transfer: {
        options: [
          { name: 'windowsize', value: '2' },
          { name: 'tsize', value: '9000' },
        ],
        blocks: 18,
      },
    });
  });

  it('waits as long as the agreed timeout says', () => {
    const lost = new Set([2, 3]);
    const { elapsedMs } = play(
      { options: tftpOptions('timeout=3') },
      { content: content(10) },
      // The ACK of the OACK and what the server repeats are lost: only the client's own timer is left.
      (datagram) => (lost.has(datagram) || (datagram > 3 && datagram < 7) ? 'lost' : 'arrives'),
    );
    expect(elapsedMs).toBeGreaterThanOrEqual(3000);
  });
});

describe('a network that loses and doubles', () => {
  it.each([
    ['the request', 0],
    ['the OACK', 1],
    ['the ACK of the OACK', 2],
    ['the first DATA', 3],
    ['an ACK', 4],
    ['the last DATA', 3 + 2 * 6],
  ])('of %s still gives the whole file', (_, lost) => {
    const file = content(9000);
    const { result, received } = play(
      { options: tftpOptions('blksize=1468') },
      { content: file },
      (datagram) => (datagram === lost ? 'lost' : 'arrives'),
    );
    expect(result.kind).toBe('received');
    expect(received.equals(file)).toBe(true);
  });

  it('never delivers an octet twice or out of order, whatever is lost or doubled', () => {
    const fates = fc.array(
      fc.constantFrom<Fate>('arrives', 'arrives', 'arrives', 'arrives', 'lost', 'doubled'),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6000 }),
        fc.constantFrom(1, 2, 4, 16),
        fates,
        (length, window, plan) => {
          const file = content(length);
          const options = tftpOptions(`blksize=128 windowsize=${window} tsize=0`);
          // Loss ends after the plan, so every transfer must come to its end.
          const outcome = play({ options }, { content: file }, (datagram) => plan[datagram] ?? 'arrives');
          if (outcome.result.kind === 'failed') {
            expect(outcome.result.reason).toMatch(/asked 5 times$/);
            return;
          }
          expect(outcome.result).toMatchObject({ kind: 'received', octets: length });
          expect(outcome.received.equals(file)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives up after its attempts', () => {
    const { result, elapsedMs } = play({ options: [] }, { content: content(10) }, () => 'lost');
    expect(result).toEqual({ kind: 'failed', reason: 'no answer to the request, asked 5 times' });
    expect(elapsedMs).toBe(5000);
  });
});

describe('ending it early', () => {
  it("OVMF's size probe ends with its ERROR after the OACK, and knows the size", () => {
    const abort = { after: 'oack', code: 8, message: 'User aborted the transfer' } as const;
    const { result, server } = play(
      { options: tftpOptions('tsize=0 blksize=1468'), abort },
      { content: content(5000) },
    );
    expect(result).toMatchObject({ kind: 'aborted', size: 5000 });
    expect(server.clientError).toBeUndefined();
  });

  it('a server without tsize leaves the size unknown', () => {
    const abort = { after: 'oack', code: 8, message: 'User aborted the transfer' } as const;
    const { result } = play(
      { options: tftpOptions('tsize=0 blksize=1468'), abort },
      { content: content(5000), unknown: ['tsize'] },
    );
    expect(result).toMatchObject({ kind: 'aborted', size: undefined });
  });

  it("GRUB's test of a file ends after the first DATA", () => {
    const abort = { after: 'first-data', code: 0, message: 'closed' } as const;
    const { result, received } = play(
      { options: tftpOptions('blksize=1024 tsize=0'), abort },
      { content: content(5000) },
    );
    expect(result).toMatchObject({ kind: 'aborted', size: 5000, transfer: { blocks: 1 } });
    expect(received).toHaveLength(1024);
  });
});

describe('answers that cannot be', () => {
  const request = { name: 'x', options: tftpOptions('blksize=1024 tsize=0') };
  const oack = (text: string): Buffer => Buffer.from(`\0\u0006${text}`, 'latin1');
  const data = (block: number, length: number): Buffer =>
    Buffer.concat([Buffer.from([0, 3, 0, block]), Buffer.alloc(length)]);
  const error = (code: number, text: string): Buffer =>
    Buffer.from(`\0\u0005\0${String.fromCharCode(code)}${text}\0`, 'latin1');

  function started(): TftpClient {
    const client = new TftpClient(request, TIMES);
    client.start(0);
    return client;
  }

  it.each([
    ['an option that was not asked for', 'windowsize\u00004\0', 'windowsize was not asked for'],
    ['a block larger than asked for', 'blksize\u00002048\0', 'blksize 2048 for 1024'],
    ['a block of nothing', 'blksize\u00000\0', 'blksize 0 for 1024'],
    ['no number', 'blksize\u0000many\0', 'blksize is no number'],
  ])('an OACK with %s is refused with ERROR 8', (_, text, objection) => {
    const [first, second] = started().receive(oack(text), 4000, 1);
    expect(first).toMatchObject({ kind: 'send', to: 4000 });
    expect(Buffer.from((first as { bytes: Uint8Array }).bytes).readUInt16BE(2)).toBe(8);
    expect(second).toEqual({
      kind: 'done',
      result: { kind: 'failed', reason: `the server's OACK cannot be: ${objection}` },
    });
  });

  it('a refusal is a result, not a failure', () => {
    const [step] = started().receive(error(1, 'File not found'), 4000, 1);
    expect(step).toEqual({ kind: 'done', result: { kind: 'refused', code: 1, message: 'File not found' } });
  });

  it('an ERROR in the middle is a failure', () => {
    const client = started();
    client.receive(data(1, 512), 4000, 1);
    const [step] = client.receive(error(0, 'Input/output error'), 4000, 2);
    expect(step).toMatchObject({
      kind: 'done',
      result: { kind: 'failed', reason: 'ERROR 0 "Input/output error" after block 1' },
    });
  });

  it('a stranger is told that this is not his transfer (RFC 1350 section 4), and nothing else happens', () => {
    const client = started();
    client.receive(data(1, 512), 4000, 1);
    const [step] = client.receive(data(2, 512), 4999, 2);
    expect(step).toMatchObject({ kind: 'send', to: 4999 });
    expect(Buffer.from((step as { bytes: Uint8Array }).bytes).readUInt16BE(2)).toBe(5);
    expect(client.receive(data(2, 100), 4000, 3).at(-1)).toMatchObject({
      kind: 'done',
      result: { octets: 612 },
    });
  });

  it('a block longer than agreed is a failure', () => {
    const [step] = started().receive(data(1, 600), 4000, 1);
    expect(step).toMatchObject({ kind: 'done', result: { kind: 'failed' } });
  });

  it('a size that was not kept is a failure', () => {
    const { result } = play({ options: tftpOptions('tsize=0') }, { content: content(100), wrongSize: 101 });
    expect(result).toEqual({ kind: 'failed', reason: 'tsize said 101 octets, 100 came' });
  });

  it('the last DATA that comes again is acknowledged again', () => {
    const client = started();
    client.receive(data(1, 10), 4000, 1);
    expect(client.receive(data(1, 10), 4000, 2)).toEqual([
      { kind: 'send', to: 4000, bytes: Uint8Array.of(0, 4, 0, 1) },
    ]);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an ACK', Buffer.from([0, 4, 0, 0])],
    ['noise', Buffer.from('noise')],
  ])('%s is ignored', (_, bytes) => {
    expect(started().receive(bytes, 4000, 1)).toEqual([]);
  });
});
