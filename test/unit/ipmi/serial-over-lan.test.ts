import { describe, expect, it } from 'vitest';
import { SerialConsole, type ConsoleAction } from '../../../src/ipmi/serial-over-lan.ts';

const REFUSED = 0x40;

/** Sequence number and characters of what is sent. */
function sent(actions: readonly ConsoleAction[]): readonly (readonly [number | undefined, string])[] {
  return actions.flatMap((action) =>
    action.kind === 'send'
      ? [[action.payload[0], Buffer.from(action.payload.subarray(4)).toString('latin1')] as const]
      : [],
  );
}

const acknowledge = (console: SerialConsole, sequence: number, count: number, status = 0) =>
  console.receive(Uint8Array.of(0, sequence, count, status), 1);

describe('what is typed', () => {
  it('is sent in packets of 1 to 15, one after the other', () => {
    const console = new SerialConsole({ mostCharacters: 4, port: 623 });
    expect(sent(console.type(Buffer.from('abcdef'), 0))).toEqual([[1, 'abcd']]);
    expect(sent(acknowledge(console, 1, 4))).toEqual([[2, 'ef']]);
    expect(sent(acknowledge(console, 2, 2))).toEqual([]);
  });

  it('is sent whole again where the first acknowledgement is that of the console before', () => {
    const console = new SerialConsole({ mostCharacters: 60, port: 623 });
    console.type(Buffer.from('uname -a\r'), 0);
    expect(sent(acknowledge(console, 1, 5))).toEqual([[2, 'uname -a\r']]);
    // From then on the count means what it says.
    expect(sent(acknowledge(console, 2, 5))).toEqual([[3, ' -a\r']]);
  });

  it('is sent from where the controller refused it, also at first', () => {
    const console = new SerialConsole({ mostCharacters: 60, port: 623 });
    console.type(Buffer.from('abcdef'), 0);
    expect(sent(acknowledge(console, 1, 2, REFUSED))).toEqual([]);
    expect(sent(console.wake(console.wakeAt ?? 0))).toEqual([[2, 'cdef']]);
  });

  it('waits up to 64 KiB, also where the controller gives back what it had been sent', () => {
    const console = new SerialConsole({ mostCharacters: 60, port: 623 });
    console.type(Buffer.alloc(65_536, 'a'), 0);
    console.type(Buffer.alloc(60, 'b'), 0);
    acknowledge(console, 1, 0, REFUSED);
    console.type(Buffer.alloc(1000, 'c'), 1);
    let typed = '';
    for (let [last] = sent(console.wake(501)); last !== undefined;) {
      const [sequence = 0, characters] = last;
      typed += characters;
      [last] = sent(acknowledge(console, sequence, characters.length));
    }
    expect(typed).toHaveLength(65_596);
    expect(typed).not.toContain('c');
  });
});
