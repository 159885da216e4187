import { describe, expect, it } from 'vitest';
import { seededRandom } from './virtual-clock.ts';
import { TftpRack } from './tftp-rack.ts';

function randomBytes(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

describe('a rack on a bad wire', () => {
  it.each([
    [1, 1],
    [1, 2],
    [4, 3],
    [16, 4],
    [16, 5],
  ])(
    '64 clients with windows of %d (seed %d) lose 5 percent each way: every file arrives intact',
    (windowSize, seed) => {
      const rack = new TftpRack({ lossToClient: 0.05, lossToServer: 0.05, jitterMs: 0.3, seed });
      const file = randomBytes(200_000, seed);
      for (let index = 0; index < 64; index++) rack.addClient(file, { windowSize }).start();
      rack.run();
      expect(rack.clients.filter(({ state }) => state !== 'done').map(({ failure }) => failure)).toEqual([]);
      expect(rack.clients.every(({ content }) => content.equals(file))).toBe(true);
    },
  );

  it('doubled and reordered datagrams neither corrupt a file nor multiply', () => {
    const rack = new TftpRack({ duplicates: 0.2, jitterMs: 2, seed: 9 });
    const file = randomBytes(300_000, 9);
    for (let index = 0; index < 16; index++)
      rack.addClient(file, { windowSize: index % 2 === 0 ? 1 : 8 }).start();
    rack.run();
    expect(rack.clients.every(({ content }) => content.equals(file))).toBe(true);
    const blocks = Math.floor(file.length / 1408) + 1;
    // Every window that is torn apart is sent again from the tear, which costs much on such a wire. What may not
    // happen is that each repetition causes another one.
    expect(rack.network.sent.toClient).toBeLessThan(5 * 16 * blocks);
  });

  it("one doubled ACK does not double the rest of a file in lock step (the Sorcerer's Apprentice)", () => {
    const rack = new TftpRack({ duplicates: 0.5, seed: 3 });
    const file = randomBytes(500_000, 3);
    rack.addClient(file).start();
    rack.run();
    const blocks = Math.floor(file.length / 1408) + 1;
    expect(rack.clients[0]?.content.equals(file)).toBe(true);
    expect(rack.network.sent.toClient).toBeLessThanOrEqual(blocks + 2);
  });

  it('a perfect wire carries each block once, whatever the window', () => {
    for (const windowSize of [1, 4, 64]) {
      const rack = new TftpRack();
      const file = randomBytes(1408 * 100, 1);
      rack.addClient(file, { windowSize }).start();
      rack.pass(1000);
      expect(rack.clients[0]?.content.equals(file)).toBe(true);
      // The OACK, 100 full blocks, and the empty one.
      expect(rack.network.sent.toClient).toBe(102);
      expect(rack.ends).toMatchObject([{ result: 'done', bytes: file.length, retransmissions: 0 }]);
    }
  });
});

describe('a machine that is switched off', () => {
  it('is forgotten 63 seconds after its last word', () => {
    const rack = new TftpRack();
    const client = rack.addClient(randomBytes(1_000_000, 1));
    client.start();
    rack.pass(20);
    client.vanish();
    rack.pass(62_000);
    expect(rack.plane.active).toBe(1);
    rack.pass(2000);
    expect(rack.plane.active).toBe(0);
    expect(rack.ends).toMatchObject([{ result: 'timeout', retransmissions: 5 }]);
  });

  it('does not delay the others', () => {
    const rack = new TftpRack();
    const file = randomBytes(300_000, 2);
    for (let index = 0; index < 8; index++) rack.addClient(file).start();
    rack.pass(5);
    for (const client of rack.clients.slice(0, 4)) client.vanish();
    rack.run();
    expect(rack.clients.slice(4).every(({ content, endedAt }) => content.equals(file) && endedAt < 100)).toBe(
      true,
    );
  });
});

describe('long files', () => {
  it.each([
    [0, 1],
    [1, 16],
  ])('of more than 65,535 blocks arrive, with rollover %d and windows of %d', (rollover, windowSize) => {
    const rack = new TftpRack({ lossToClient: 0.001, lossToServer: 0.001, seed: 12 });
    const file = randomBytes(70_000 * 8 + 3, 7);
    rack.addClient(file, { blockSize: 8, rollover, windowSize }).start();
    rack.run(3_600_000);
    expect(rack.clients[0]?.content.equals(file)).toBe(true);
  });
});
