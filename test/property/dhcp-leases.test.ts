import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, ipv4FromNumber, type Ipv4 } from '../../src/addr/ipv4.ts';
import { rangeContains } from '../../src/addr/subnet.ts';
import { durableChanges, type Lease } from '../../src/dhcp/lease.ts';
import { conflictChanges } from '../../src/dhcp/lease-making.ts';
import { LeaseTable } from '../../src/dhcp/lease-table.ts';
import { isDeclined, isFree } from '../../src/dhcp/lease-table-view.ts';
import type { Outcome } from '../../src/dhcp/outcome.ts';
import { allRanges } from '../../src/dhcp/subnet-selection.ts';
import { encodeDhcpMessage, type DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import {
  addressOption,
  alone,
  bytes,
  FakeClient,
  FakeServer,
  ip,
  lookup,
  node,
  port,
  range,
  reservation,
  seedSettings,
  subnet,
} from '../unit/dhcp/fake-view.ts';

/** A range of eight addresses, so that machines get in each other's way. */
const FIRST = ip('192.168.0.128');
const SIZE = 8;

const SETTINGS = seedSettings({
  sharedNetworks: alone(
    subnet('192.168.0.0/24', [range('192.168.0.128-192.168.0.135', { dynamicBootp: true })]),
  ),
  reservations: [reservation({ mac: '02:99:00:00:00:01', fixedAddresses: [ip('192.168.0.130')] })],
});

const NODES = lookup(node({ ports: [port('02:99:00:00:00:02', { fixedAddress: ip('192.168.0.20') })] }));

/** What a machine believes: addresses that it was offered or has, and until when. */
interface Belief {
  readonly client: FakeClient;
  offer: { readonly address: Ipv4; readonly until: number } | undefined;
  lease: { readonly address: Ipv4; readonly until: number } | undefined;
}

const ACTIONS = [
  'discover',
  'discover-with-wish',
  'select-offer',
  'select-other-server',
  'select-anything',
  'reboot',
  'reboot-anything',
  'renew',
  'release',
  'decline',
  'bootp',
  'conflict',
  'inform',
  'restart',
] as const;

const step = fc.record({
  who: fc.integer({ min: 0, max: 9 }),
  action: fc.constantFrom(...ACTIONS),
  number: fc.integer({ min: 0, max: SIZE - 1 }),
  seconds: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 700 }) },
  ),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A server and the machines on its wire; every step checks what must hold. */
class World {
  readonly server = new FakeServer({ settings: SETTINGS, nodes: NODES });
  readonly machines: readonly Belief[];
  #durable: Lease[] = [];

  constructor() {
    const clients = [
      ...Array.from({ length: 6 }, () => new FakeClient()),
      new FakeClient({ clientId: bytes('ff00000001') }),
      new FakeClient({ clientId: bytes('ff00000002') }),
      new FakeClient({ mac: '02:99:00:00:00:01' }),
      new FakeClient({ mac: '02:99:00:00:00:02' }),
    ];
    this.machines = clients.map((client) => ({ client, offer: undefined, lease: undefined }));
  }

  get #now(): number {
    return this.server.now;
  }

  take({ who, action, number, seconds }: Step): void {
    this.server.passSeconds(seconds);
    this.#forgetWhatIsOver();
    const machine = this.machines[who];
    if (machine === undefined) return;
    const { client, offer, lease } = machine;
    const any = ipv4FromNumber(FIRST + number);
    switch (action) {
      case 'discover': {
        this.#discover(machine, client.discover());
        return;
      }
      case 'discover-with-wish': {
        this.#discover(machine, client.discover([addressOption(50, any)]));
        return;
      }
      case 'select-offer':
        if (offer !== undefined) this.#request(machine, client.select(offer.address), offer.address);
        return;
      case 'select-other-server':
        if (offer === undefined) return;
        this.#handle(client.select(offer.address, ip('192.168.0.77')));
        machine.offer = undefined;
        return;
      case 'select-anything': {
        this.#request(machine, client.select(any), any);
        return;
      }
      case 'reboot':
        if (lease !== undefined) this.#request(machine, client.reboot(lease.address), lease.address);
        return;
      case 'reboot-anything': {
        this.#request(machine, client.reboot(any), any);
        return;
      }
      case 'renew':
        if (lease !== undefined) this.#request(machine, client.renew(lease.address), lease.address);
        return;
      case 'release':
        if (lease === undefined) return;
        this.#handle(client.release(lease.address));
        machine.lease = undefined;
        return;
      case 'decline':
        if (lease === undefined) return;
        this.#handle(client.decline(lease.address));
        machine.lease = undefined;
        machine.offer = undefined;
        return;
      case 'bootp': {
        this.#bootp(machine);
        return;
      }
      case 'conflict': {
        this.#conflict(any);
        return;
      }
      case 'inform':
        expect(this.#handle(client.inform(any)).changes).toEqual([]);
        return;
      case 'restart': {
        this.#restart();
        return;
      }
    }
  }

  /** The same message twice says the same, however the first changed the table. */
  #handle(message: DhcpMessage): Outcome {
    const first = this.server.handle(message);
    this.#keep(first);
    if (first.kind === 'silent') return first;
    const second = this.server.handle(message);
    this.#keep(second);
    expect(second.kind === 'reply' && encodeDhcpMessage(second.message, Infinity)).toEqual(
      encodeDhcpMessage(first.message, Infinity),
    );
    return first;
  }

  #discover(machine: Belief, message: DhcpMessage): void {
    const outcome = this.#handle(message);
    if (outcome.kind === 'silent') {
      expect(machine.lease === undefined || outcome.reason === 'reservation-in-use').toBe(true);
      return;
    }
    const address = outcome.message.yiaddr;
    this.#mayGive(machine, address);
    const put = outcome.changes.find((change) => change.kind === 'put');
    machine.offer = { address, until: put?.lease.expiresAt ?? this.#now };
  }

  #request(machine: Belief, message: DhcpMessage, address: Ipv4): void {
    const outcome = this.#handle(message);
    if (outcome.kind === 'silent') return;
    if (outcome.facts.replyType === 'nak') {
      // A machine is never refused what it was offered and nobody declined since.
      expect(machine.offer?.address).not.toBe(address);
      if (machine.lease?.address === address) machine.lease = undefined;
      return;
    }
    expect(outcome.message.yiaddr).toBe(address);
    this.#mayGive(machine, address);
    machine.offer = undefined;
    machine.lease = { address, until: this.#now + (outcome.facts.leaseSeconds ?? 0) * 1000 };
  }

  #bootp(machine: Belief): void {
    const outcome = this.#handle(machine.client.bootp());
    if (outcome.kind === 'silent') return;
    this.#mayGive(machine, outcome.message.yiaddr);
    machine.lease = { address: outcome.message.yiaddr, until: Infinity };
    machine.offer = undefined;
  }

  /** A conflict check found somebody; only addresses that nobody here believes to have are checked. */
  #conflict(address: Ipv4): void {
    if (this.machines.some(({ lease }) => lease?.address === address)) return;
    const changes = conflictChanges(address, SETTINGS, this.#now);
    this.server.apply(changes);
    this.#keep({ changes });
    for (const machine of this.machines) if (machine.offer?.address === address) machine.offer = undefined;
  }

  /** What is durable comes back; offers are lost, and machines do not know. */
  #restart(): void {
    const table = new LeaseTable(allRanges(SETTINGS));
    table.restore(this.#durable, this.#now);
    Object.assign(this.server, { leases: table });
    for (const machine of this.machines) machine.offer = undefined;
  }

  #keep({ changes }: Pick<Outcome, 'changes'>): void {
    for (const change of durableChanges(changes)) {
      if (change.kind === 'forget') continue;
      this.#durable = this.#durable.filter(({ address }) => address !== change.lease.address);
      this.#durable.push(change.lease);
    }
  }

  /** An address goes to one machine, which it is not reserved against. */
  #mayGive(machine: Belief, address: Ipv4): void {
    for (const other of this.machines) {
      if (other === machine) continue;
      expect([formatIpv4(address), other.lease?.address]).not.toEqual([formatIpv4(address), address]);
      expect([formatIpv4(address), other.offer?.address]).not.toEqual([formatIpv4(address), address]);
    }
    const own = { '02:99:00:00:00:01': '192.168.0.130', '02:99:00:00:00:02': '192.168.0.20' }[
      machine.client.mac as string
    ];
    if (own === undefined) expect(['192.168.0.130', '192.168.0.20']).not.toContain(formatIpv4(address));
    else expect(formatIpv4(address)).toBe(own);
  }

  #forgetWhatIsOver(): void {
    for (const machine of this.machines) {
      if (machine.offer !== undefined && machine.offer.until <= this.#now) machine.offer = undefined;
      if (machine.lease !== undefined && machine.lease.until <= this.#now) machine.lease = undefined;
    }
  }
}

describe('any sequence of packets', () => {
  it('leaves each address with one machine, keeps what was offered, and says the same to the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const each of steps) world.take(each);
      }),
      { numRuns: 400 },
    );
  });
});

describe('the lease table', () => {
  const POOLS = allRanges(SETTINGS);
  const change = fc.record({
    address: fc.integer({ min: 126, max: 137 }),
    state: fc.constantFrom('offered', 'bound', 'released', 'declined', 'forget'),
    lasts: fc.integer({ min: -5, max: 100 }),
    passes: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(-30, 0)),
  });

  it('counts and gives what is free, as a plain look at every address finds it', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const table = new LeaseTable(POOLS);
        let now = 1_800_000_000_000;
        for (const { address: last, state, lasts, passes } of changes) {
          now += passes * 1000;
          const address = ipv4FromNumber(ip('192.168.0.0') + last);
          if (state === 'forget') table.apply([{ kind: 'forget', address }], now);
          else table.apply([{ kind: 'put', lease: leaseOf(address, state, now, now + lasts * 1000) }], now);
          checkAgainstPlainLook(table, now);
        }
      }),
      { numRuns: 400 },
    );
  });

  function leaseOf(address: Ipv4, state: Lease['state'], now: number, expiresAt: number): Lease {
    return {
      address,
      state,
      client: undefined,
      clientId: undefined,
      htype: 1,
      hardwareAddress: new Uint8Array(6),
      mac: undefined,
      startsAt: now,
      expiresAt,
      lastSeenAt: now,
      bootp: false,
      hostname: undefined,
      vendorClass: undefined,
      relayAgentInfo: undefined,
      offeredVia: state === 'offered' ? 'wire' : undefined,
    };
  }

  function checkAgainstPlainLook(table: LeaseTable, now: number): void {
    const [pool] = POOLS;
    if (pool === undefined) throw new Error('no range');
    const all = Array.from({ length: SIZE }, (_, index) => ipv4FromNumber(FIRST + index));
    const free = all.filter((address) => isFree(table.at(address), now));
    const declined = all.filter(
      (address) => isDeclined(table.at(address), now) && !isOffered(table, address),
    );
    expect(table.freeCount(pool, now)).toBe(free.length);
    const given = table.findFree([pool], now, () => false);
    if (free.length > 0) expect(given).toMatchObject({ declined: false });
    else if (declined.length > 0) expect(given).toMatchObject({ declined: true });
    else expect(given).toBeUndefined();
    if (given !== undefined) {
      expect(rangeContains(pool, given.address)).toBe(true);
      expect(given.declined ? declined : free).toContain(given.address);
    }
    const offers = [...all, ...OUTSIDE].filter((address) => isOffered(table, address));
    expect(table.offersVia('wire', now)).toBe(offers.length);
  }

  const OUTSIDE = [126, 127, 136, 137].map((last) => ipv4FromNumber(ip('192.168.0.0') + last));

  function isOffered(table: LeaseTable, address: Ipv4): boolean {
    return table.at(address)?.offer !== undefined;
  }
});
