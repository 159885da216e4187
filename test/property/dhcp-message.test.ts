import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../src/addr/ipv4.ts';
import { describeRequest } from '../../src/dhcp/dhcp-request.ts';
import { respond } from '../../src/dhcp/responder.ts';
import {
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  optionsThatDoNotFit,
  type DhcpMessage,
} from '../../src/wire/dhcp/dhcp-message.ts';
import { namedOptions } from '../../src/wire/dhcp/option-codes.ts';
import { encodeOptionValue, formatOptionValue, OptionValueError } from '../../src/wire/dhcp/option-values.ts';
import { WireError } from '../../src/wire/wire-error.ts';
import { FakeServer, LINK } from '../unit/dhcp/fake-view.ts';

const octet = fc.integer({ min: 0, max: 255 });
const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);

function octets(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

/** Option 52 is the codec's own, and is not part of what it decodes. */
const options = fc
  .uniqueArray(
    fc.tuple(
      fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52),
      fc.oneof(
        { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 700 }) },
      ),
    ),
    { selector: ([code]) => code, maxLength: 40 },
  )
  .map((list) => new Map(list));

const message: fc.Arbitrary<DhcpMessage> = fc.record({
  op: octet,
  htype: octet,
  hlen: fc.integer({ min: 0, max: 16 }),
  hops: octet,
  xid: fc.integer({ min: 0, max: 0xffffffff }),
  secs: fc.integer({ min: 0, max: 0xffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  chaddr: octets(16),
  sname: fc.oneof(octets(64), fc.constant(new Uint8Array(64))),
  file: fc.oneof(octets(128), fc.constant(new Uint8Array(128))),
  hasCookie: fc.constant(true),
  options,
});

const MAXIMUM = fc.constantFrom(300, 548, 800, 1472);

describe('the DHCP codec', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(message, (original) => {
        expect(decodeDhcpMessage(encodeDhcpMessage(original, Infinity))).toEqual(original);
      }),
    );
  });

  it('reads what it wrote into less room, but for what it said would not fit', () => {
    fc.assert(
      fc.property(message, MAXIMUM, (original, maximum) => {
        const left = new Set(optionsThatDoNotFit(original, maximum));
        const kept = new Map([...original.options].filter(([code]) => !left.has(code)));
        expect(decodeDhcpMessage(encodeDhcpMessage(original, maximum))).toEqual({
          ...original,
          options: kept,
        });
      }),
    );
  });

  it('keeps to the room that it has, unless what may not be missing is larger', () => {
    const never = new Set([51, 53, 54, 61, 82]);
    fc.assert(
      fc.property(message, MAXIMUM, (original, maximum) => {
        const few = new Map([...original.options].filter(([code]) => !never.has(code)));
        const { length } = encodeDhcpMessage({ ...original, options: few }, maximum);
        expect(length).toBeLessThanOrEqual(maximum);
        expect(length).toBeGreaterThanOrEqual(300);
      }),
    );
  });

  it('makes a message or a WireError of any octets', () => {
    const soup = fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc.uint8Array({ maxLength: 300 }).map((tail) => {
        const head = encodeDhcpMessage(EMPTY_MESSAGE).subarray(0, 240);
        return Uint8Array.of(...head, ...tail);
      }),
    );
    fc.assert(
      fc.property(soup, (bytes) => {
        try {
          const decoded = decodeDhcpMessage(bytes);
          expect(decoded.hlen).toBeLessThanOrEqual(16);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the responder', () => {
  it('has an outcome for every message, and what it says can be sent', () => {
    const server = new FakeServer();
    const typed = fc.tuple(message, fc.integer({ min: 0, max: 9 })).map(([each, type]) => ({
      ...each,
      op: 1,
      options: new Map([...each.options, [53, Uint8Array.of(type)]]),
    }));
    fc.assert(
      fc.property(fc.oneof(message, typed), (each) => {
        const outcome = respond(describeRequest(each, LINK), server);
        if (outcome.kind === 'silent') return;
        const sent = decodeDhcpMessage(encodeDhcpMessage(outcome.message, outcome.maximumLength));
        expect(sent.xid).toBe(each.xid);
        expect(sent.op).toBe(2);
      }),
      { numRuns: 500 },
    );
  });
});

describe('option values', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.oneof(fc.string(), fc.integer())),
    fc.record({ hex: fc.string() }),
    fc.record({ text: fc.string() }),
    fc.ipV4(),
    fc.array(fc.ipV4()),
  );
  const type = fc.constantFrom(...namedOptions().map((each) => each.type));

  it('are octets or an OptionValueError, whatever stands in a configuration', () => {
    fc.assert(
      fc.property(type, anything, (each, input) => {
        try {
          expect(encodeOptionValue(each, input)).toBeInstanceOf(Uint8Array);
        } catch (error) {
          expect(error).toBeInstanceOf(OptionValueError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('are shown without fail, whatever a client sends', () => {
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 80 }), (each, value) => {
        expect(typeof formatOptionValue(each, value)).toBe('string');
      }),
      { numRuns: 1000 },
    );
  });
});
