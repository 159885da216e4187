import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleTail } from '../../../src/boot/console-tail.ts';

function tailOf(...pieces: readonly string[]): readonly string[] {
  const tail = new ConsoleTail();
  for (const piece of pieces) tail.take(Buffer.from(piece, 'latin1'));
  return tail.lines;
}

describe('the tail of a console', () => {
  it('has lines however they come in pieces, and the last one without its end', () => {
    expect(tailOf('Linux ver', 'sion 6.1\r', '\n\r\n[  0.1] pa', 'nic')).toEqual([
      'Linux version 6.1',
      '[  0.1] panic',
    ]);
  });

  it('leaves out what terminals obey and escapes what is not for people', () => {
    expect(tailOf('\x1b[2J\x1b[01;37mSeaBIOS\x1b[0m\ttab\x07 \xe9\n')).toEqual(['SeaBIOS tab\\x07 \\xe9']);
  });

  it('keeps the last forty lines, and the beginning of long ones', () => {
    const text = Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join('');
    const lines = tailOf(text, 'unfinished');
    expect(lines).toHaveLength(40);
    expect([lines.at(0), lines.at(-2), lines.at(-1)]).toEqual(['line 61', 'line 99', 'unfinished']);
    expect(tailOf('x'.repeat(10_000))).toEqual([`${'x'.repeat(200)}...`]);
  });

  it('is bounded and printable, whatever a machine prints', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 50 }), (pieces) => {
        const tail = new ConsoleTail();
        for (const piece of pieces) tail.take(piece);
        expect(tail.lines.length).toBeLessThanOrEqual(40);
        for (const line of tail.lines) expect(line).toMatch(/^[ -~]{1,203}$/);
      }),
    );
  });
});
