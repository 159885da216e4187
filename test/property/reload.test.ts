import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Ipv4 } from '../../src/addr/ipv4.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { planReload } from '../../src/config/reload-plan.ts';
import { RELOAD_RULES } from '../../src/config/reload-rules.ts';
import { isSameValue } from '../../src/config/same-value.ts';
import type { BootdSettings } from '../../src/config/settings.ts';
import type { DhcpSettings } from '../../src/dhcp/dhcp-settings.ts';
import { allRanges } from '../../src/dhcp/subnet-selection.ts';
import { encodeDhcpMessage, type DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import { FakeClient, FakeServer, ip } from '../unit/dhcp/fake-view.ts';

/** Machines of the play; some are known to some of the configurations. */
const macOf = (index: number): string => `02:00:00:00:00:0${index}`;
const address = (last: number): string => `192.168.0.${last}`;
const MACHINES = Array.from({ length: 10 }, (_, index) => new FakeClient({ mac: macOf(index) }));

const scope = fc.record(
  {
    'default-lease-time': fc.integer({ min: 60, max: 4000 }),
    'max-lease-time': fc.integer({ min: 60, max: 4000 }),
    filename: fc.constantFrom('a', 'b'),
    'next-server': fc.constantFrom('192.168.0.1', '192.168.0.2'),
    'allow-booting': fc.constantFrom(true, true, false),
    options: fc.record({ 'domain-name': fc.constantFrom('x.example', 'y.example') }),
  },
  { requiredKeys: [] },
);

const ranges = fc
  .uniqueArray(fc.constantFrom(0, 1, 2, 3), { maxLength: 3 })
  .chain((parts) =>
    fc.tuple(...parts.map((part) => fc.tuple(fc.constant(part), fc.integer({ min: 1, max: 8 }), scope))),
  )
  .map((parts) =>
    parts.map(([part, size, parameters]) => ({
      range: `${address(32 * part + 8)}-${address(32 * part + 8 + size)}`,
      ...parameters,
    })),
  );

const reservations = fc.uniqueArray(
  fc.record({ machine: fc.integer({ min: 0, max: 9 }), last: fc.integer({ min: 8, max: 60 }) }),
  { maxLength: 3, selector: ({ machine }) => machine },
);

/** Configurations that are valid whatever is drawn: the same wires, and all else different. */
const configuration = fc
  .record({
    global: scope,
    authoritative: fc.boolean(),
    answer: fc.constantFrom('all', 'all', 'known-machines'),
    port: fc.constantFrom(67, 6767),
    interfaces: fc.constantFrom(['br-prov'], ['br-prov', 'eth1']),
    logLevel: fc.constantFrom('info', 'warn'),
    tftp: fc.option(fc.record({ root: fc.constantFrom('/a', '/b'), port: fc.constantFrom(69, 6969) }), {
      nil: undefined,
    }),
    unknown: fc.constantFrom('none', 'local-disk'),
    poll: fc.constantFrom(0, 60),
    ranges,
    subnet: scope,
    reservations,
  })
  .map(
    ({
      global,
      authoritative,
      answer,
      port,
      interfaces,
      logLevel,
      tftp,
      unknown,
      poll,
      ranges,
      subnet,
      reservations,
    }) => {
      const text = stringify({
        interfaces,
        'log-level': logLevel,
        dhcp: {
          ...global,
          authoritative,
          answer,
          port,
          subnets: [{ subnet: '192.168.0.0/24', ranges, ...subnet }],
          reservations: reservations
            .filter((one, index) => reservations.findIndex(({ last }) => last === one.last) === index)
            .map(({ machine, last }) => ({
              'hardware-ethernet': macOf(machine),
              'fixed-address': address(last),
            })),
        },
        ...(tftp === undefined ? {} : { tftp }),
        boot: { unknown },
        power: { 'poll-interval': poll },
      });
      return text;
    },
  );

/** Undefined for what is refused, such as a lease time above its maximum. */
function load(text: string): BootdSettings | undefined {
  try {
    return loadConfig('/etc/bootd/bootd.yaml', () => text).settings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
}

/** Reading one takes longer than playing a hundred: some are drawn, and then all pairs of them. */
const POOL = fc.sample(configuration, 60).flatMap((text) => load(text) ?? []);

const pair = fc.tuple(fc.constantFrom(...POOL), fc.constantFrom(...POOL));

const ACTIONS = ['discover', 'select', 'renew', 'reboot', 'release', 'decline', 'inform', 'bootp'] as const;

interface Ask {
  readonly machine: number;
  readonly action: (typeof ACTIONS)[number];
  readonly last: number;
}

const asks = fc.array(
  fc.record<Ask>({
    machine: fc.integer({ min: 0, max: MACHINES.length - 1 }),
    action: fc.constantFrom('discover', 'discover', 'select', ...ACTIONS),
    last: fc.integer({ min: 8, max: 60 }),
  }),
  { maxLength: 30 },
);

function messageOf(client: FakeClient, action: Ask['action'], about: Ipv4): DhcpMessage {
  return action === 'discover' || action === 'bootp' ? client[action]() : client[action](about);
}

/** What is answered, octet by octet. A machine that was offered or given an address speaks of that one. */
function play(
  server: FakeServer,
  questions: readonly Ask[],
  known = new Map<number, Ipv4>(),
): readonly string[] {
  return questions.map(({ machine, action, last }) => {
    const client = MACHINES[machine];
    if (client === undefined) throw new Error('no such machine');
    server.passSeconds(1);
    server.leases.advance(server.now);
    const about = known.get(machine) ?? ip(address(last));
    const outcome = server.handle(messageOf(client, action, about));
    if (outcome.kind === 'silent') return `silent: ${outcome.reason}`;
    if (outcome.message.yiaddr !== 0) known.set(machine, outcome.message.yiaddr);
    return Buffer.from(encodeDhcpMessage(outcome.message, Infinity)).toString('hex');
  });
}

function dhcpOf({ dhcp }: BootdSettings): DhcpSettings {
  if (dhcp === undefined) throw new Error('the play needs DHCP');
  return dhcp;
}

describe('a reload from any configuration to any other', () => {
  it('is a plan whose live keys are in force and whose other keys are as they were', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const { changes, settings } = planReload(before, after);
        const restarts = new Set(
          changes.filter(({ effect }) => effect.kind === 'restart').map(({ key }) => key),
        );
        for (const { key, effect, isIn, valueIn } of RELOAD_RULES) {
          if (!isIn(before) || !isIn(after)) continue;
          if (restarts.has(key)) {
            expect(effect.kind, key).toBe('restart');
            expect(isSameValue(valueIn(settings), valueIn(before)), key).toBe(true);
          } else expect(isSameValue(valueIn(settings), valueIn(after)), key).toBe(true);
        }
        expect(planReload(settings, after).changes.every(({ key }) => restarts.has(key))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('decides as a fresh start with the leases of that moment would', () => {
    let answered = 0;
    fc.assert(
      fc.property(pair, asks, asks, ([before, after], earlier, later) => {
        const { settings } = planReload(before, after);
        const reloaded = new FakeServer({ settings: dhcpOf(before) });
        const known = new Map<number, Ipv4>();
        play(reloaded, earlier, known);
        // Offers that nobody took are not kept, and no start knows of them.
        reloaded.passSeconds(600);
        reloaded.leases.advance(reloaded.now);
        reloaded.settings = dhcpOf(settings);
        reloaded.leases.replaceRanges(allRanges(reloaded.settings));
        const fresh = new FakeServer({ settings: reloaded.settings });
        fresh.now = reloaded.now;
        fresh.leases.restore([...reloaded.leases.kept()], fresh.now);
        const answers = play(reloaded, later, new Map(known));
        expect(answers).toEqual(play(fresh, later, new Map(known)));
        if (answers.some((answer) => !answer.startsWith('silent'))) answered += 1;
      }),
      { numRuns: 200 },
    );
    // Silence everywhere would prove nothing.
    expect(answered).toBeGreaterThan(20);
  });
});
