import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ipv4FromNumber } from '../../src/addr/ipv4.ts';
import { EMPTY_MESSAGE, type DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import { ip } from '../unit/dhcp/fake-view.ts';
import { findingsOf, Stage } from '../unit/rehearsal/stage.ts';

const anyAddress = fc.oneof(
  fc.constantFrom('0.0.0.0', '192.168.0.140', '192.168.0.128', '192.168.0.1', '255.255.255.255').map(ip),
  fc.nat(0xffff_ffff).map(ipv4FromNumber),
);

/** Types of messages, option codes that the comparison knows, and every other; values of any length that the wire can carry. */
const anyOptions = fc
  .tuple(
    fc.option(fc.nat(9), { nil: undefined }),
    fc.array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom(1, 3, 12, 28, 43, 50, 51, 52, 54, 55, 57, 58, 59, 60, 61, 66, 67, 82, 97),
          fc.nat(255),
        ),
        fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 300 })),
      ),
      { maxLength: 8 },
    ),
  )
  .map(
    ([type, options]) =>
      new Map([...(type === undefined ? [] : [[53, Uint8Array.of(type)] as const]), ...options]),
  );

/** What a stranger may put on the wire: few machines and transactions, so that replies find their requests. */
const anyMessage: fc.Arbitrary<DhcpMessage> = fc
  .record({
    op: fc.constantFrom(1, 1, 2, 2, 3),
    htype: fc.constantFrom(1, 1, 1, 0, 32, 255),
    hlen: fc.constantFrom(6, 6, 6, 0, 16),
    hops: fc.nat(255),
    xid: fc.nat(2),
    secs: fc.nat(0xffff),
    flags: fc.constantFrom(0, 0x8000, 0xffff),
    ciaddr: anyAddress,
    yiaddr: anyAddress,
    siaddr: anyAddress,
    giaddr: fc.oneof(
      { weight: 4, arbitrary: fc.constant(ip('0.0.0.0')) },
      { weight: 1, arbitrary: anyAddress },
    ),
    chaddr: fc
      .nat(2)
      .map((machine) => Uint8Array.from([2, 0, 0, 0, 0, machine, ...Array<number>(10).fill(0)])),
    sname: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    file: fc.uint8Array({ minLength: 128, maxLength: 128 }),
    hasCookie: fc.boolean(),
    options: anyOptions,
  })
  .map((message) => ({ ...EMPTY_MESSAGE, ...message }));

it('a rehearsal says something fit for a terminal about whatever passes, and fails at nothing', () => {
  const step = fc.record({
    message: anyMessage,
    source: anyAddress,
    destination: anyAddress,
    sourcePort: fc.constantFrom(67, 68, 4011, 0),
    seconds: fc.constantFrom(0, 0, 1, 6, 60),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, isServersHost) => {
      const stage = new Stage({ isServersHost });
      for (const { message, source, destination, sourcePort, seconds } of steps) {
        stage.hear({ message, delivery: { source, destination, destinationPort: 67 }, sourcePort });
        stage.passSeconds(seconds);
      }
      stage.conclude();
      for (const { aspect, theirs, ours } of findingsOf(stage.notices)) {
        expect(`${aspect}${theirs}${ours}`).not.toMatch(/\p{Cc}|\p{Cf}/u);
      }
    }),
    { numRuns: 300 },
  );
});
