import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { macFromBytes } from '../../../src/addr/mac.ts';
import type { Lease } from '../../../src/dhcp/lease.ts';
import { parseDhcpdLeases, type LeaseFile } from '../../../src/import/dhcpd-leases-parser.ts';
import { formatDhcpdLeases } from '../../../src/import/dhcpd-leases-writer.ts';
import { formatLeaseCsv } from '../../../src/import/lease-csv.ts';
import { formatLeaseJson, parseLeaseJson } from '../../../src/import/lease-documents.ts';
import { leaseOfRecord } from '../../../src/import/lease-file-records.ts';
import { formatLoss } from '../../../src/import/loss-list.ts';
import { formatOctets } from '../../../src/wire/dhcp/option-values.ts';

const SAMPLES = resolve(import.meta.dirname, '../../data/dhcpd-conf/leases');
const NOW = Date.UTC(2026, 10, 22, 17, 50, 0);

function parse(text: string): LeaseFile {
  return parseDhcpdLeases(text, 'dhcpd.leases');
}

/** The one lease of a text, as of `now`. */
function leaseOf(text: string, now = NOW): Lease | undefined {
  const [record] = parse(text).records;
  return record && leaseOfRecord(record, now);
}

function lossesOf(text: string): readonly string[] {
  return parse(text).losses.map(formatLoss);
}

const hex = (octets: Uint8Array | undefined): string | undefined =>
  octets && formatOctets(octets).replaceAll(':', '');

describe('samples', () => {
  it.each(['01-written-by-dhcpd', '02-features'])('%s says what dhcpd takes it for', (name) => {
    const { records, hosts, losses } = parse(readFileSync(join(SAMPLES, `${name}.leases`), 'utf8'));
    const ofRecords = records.map((record) => ({
      ip: formatIpv4(record.address),
      state: record.state,
      mac: record.hardwareAddress === undefined ? null : (macFromBytes(record.hardwareAddress) ?? null),
      clientId: hex(record.uid),
      ends:
        typeof record.endsAt === 'number' ? new Date(record.endsAt).toISOString().replace('.000', '') : null,
      bootp: record.bootp || undefined,
      reserved: record.reserved || undefined,
      circuitId: hex(record.agentOptions.get(1)),
      remoteId: hex(record.agentOptions.get(2)),
      hostname: record.hostname,
    }));
    const ofHosts = hosts.map((host) => ({
      host: host.name,
      mac: host.hardware && macFromBytes(host.hardware.address),
      fixed: host.fixedAddresses.map(formatIpv4),
      filename: host.scopes[0]?.settings.get('filename')?.value,
    }));
    const expected: unknown = JSON.parse(readFileSync(join(SAMPLES, `${name}.expected.json`), 'utf8'));
    expect(JSON.parse(JSON.stringify([...ofRecords, ...ofHosts]))).toEqual(expected);
    expect(losses).toEqual([]);
  });
});

const lease = (body: string): string => `lease 10.0.0.1 { hardware ethernet 52:54:00:00:00:01; ${body} }\n`;
const PAST = 'starts 0 2026/11/22 17:00:00; ends 0 2026/11/22 17:10:00;';
const FUTURE = 'starts 0 2026/11/22 17:40:00; ends 0 2026/11/22 17:55:00;';

describe('what an address is after the import', () => {
  it.each([
    [`${FUTURE} binding state active;`, 'bound', '17:55'],
    [`${PAST} binding state active;`, 'expired', '17:10'],
    [`${PAST} binding state free;`, 'expired', '17:10'],
    [`${FUTURE} binding state backup;`, 'expired', '17:55'],
    [`${FUTURE} binding state reset;`, 'expired', '17:55'],
    [`${PAST} binding state expired;`, 'expired', '17:10'],
    [`${PAST} binding state released;`, 'released', '17:10'],
    [`${FUTURE} binding state abandoned;`, 'declined', '17:55'],
    ['starts 0 2026/11/22 17:00:00; ends never; binding state active; dynamic-bootp;', 'bound', undefined],
    ['starts epoch 1795366800; ends epoch 1795369500; binding state active;', 'expired', '17:45'],
    // dhcpd 2 had no binding states.
    [FUTURE, 'bound', '17:55'],
    [`${FUTURE} abandoned;`, 'declined', '17:55'],
  ])('%s', (body, state, ends) => {
    const { expiresAt, ...found } = leaseOf(lease(body)) ?? { state: undefined, expiresAt: undefined };
    expect(found.state).toBe(state);
    expect(expiresAt === undefined ? undefined : new Date(expiresAt).toISOString().slice(11, 16)).toBe(ends);
  });

  it('a bound address remembers everything that is known of its client', () => {
    const text = lease(
      `${FUTURE} cltt 0 2026/11/22 17:45:00; binding state active; next binding state free; tstp 0 2026/11/22 17:55:00;
       uid "\\001RT\\000\\000\\000\\001"; client-hostname "a \\"b\\""; set vendor-class-identifier = "PXEClient";
       option agent.circuit-id "eth7"; option agent.remote-id 2:aa:bb; option agent.link-selection 10.0.0.9;
       option agent.unknown-200 "x"; on expiry { set a = "}"; } set ddns-fwd-name = "n.example";`,
    );
    expect(leaseOf(text)).toMatchObject({
      client: 'hw:1:525400000001',
      mac: '52:54:00:00:00:01',
      hostname: 'a "b"',
      vendorClass: 'PXEClient',
      bootp: false,
      lastSeenAt: Date.UTC(2026, 10, 22, 17, 45),
    });
    expect(hex(leaseOf(text)?.clientId)).toBe('01525400000001');
    expect(hex(leaseOf(text)?.relayAgentInfo)).toBe(
      '0104657468370203' + '02aabb' + '05040a000009' + 'c80178',
    );
  });

  it('a free address that nobody had is not worth a record, an abandoned one is', () => {
    expect(leaseOf(`lease 10.0.0.1 { ${PAST} binding state free; }`)).toBeUndefined();
    expect(leaseOf(`lease 10.0.0.1 { ${FUTURE} binding state abandoned; }`)?.client).toBeUndefined();
  });

  it('the last declaration of an address counts', () => {
    const { records } = parse(
      lease(`${PAST} binding state active;`) +
        lease(`${FUTURE} binding state active; client-hostname "last";`),
    );
    expect(records.map(({ hostname }) => hostname)).toEqual(['last']);
  });
});

describe('a damaged file', () => {
  const good = lease(`${FUTURE} binding state active;`);

  it.each([
    'lease 10.0.0.2 {',
    'lease 10.0.0.2 { starts 0 2026/',
    'lease 10.0',
    'lease 10.0.0.2 { uid "\\001',
    'lea',
  ])('keeps what stands before a torn last record: %s', (torn) => {
    const { records, losses } = parse(good + torn);
    expect(records.map(({ address }) => formatIpv4(address))).toEqual(['10.0.0.1']);
    expect(losses.filter(({ essential }) => essential)).toEqual([]);
    expect(losses).toHaveLength(1);
  });

  it('lists a record that cannot be read, by line and column, and goes on behind it', () => {
    const text = `lease 10.0.0.2 { starts 9 gestern; }\nnonsense { }\n${good}}\n${good.replace('0.1', '0.3')}`;
    expect(parse(text).records.map(({ address }) => formatIpv4(address))).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(lossesOf(text)).toEqual([
      "dhcpd.leases:1:25: left out: this record: '9 gestern' is no time",
      "dhcpd.leases:2:1: left out: this record: 'nonsense' begins no declaration of a lease file",
      "dhcpd.leases:4:1: left out: this record: this '}' closes nothing",
    ]);
  });

  it('gives a record up where the next begins, however many have no end', () => {
    const began = performance.now();
    const { records, losses } = parse(
      `${'lease 10.0.0.1\n'.repeat(10_000)}${'lease 10.0.0.2 {\n'.repeat(10_000)}`,
    );
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(records).toEqual([]);
    expect(losses).toHaveLength(20_000);
    expect(losses[0]).toMatchObject({ reason: 'the record before this one has no end', place: { line: 2 } });
  });

  it('names failover as what bootd does not offer', () => {
    expect(lossesOf('failover peer "pair" state { my state normal at 0 2026/11/22 17:00:00; }\n')).toEqual([
      'dhcpd.leases:1:1: note: failover: bootd has no failover; its leases are taken as they are',
    ]);
  });

  it('is no reason to fail, whatever is in it', () => {
    for (const text of ['', '\0\0\0', '{}{}{', '}', 'lease', '"', 'lease 1.2.3.4 {'.repeat(500), '\ufeff']) {
      expect(() => parse(text)).not.toThrow();
    }
  });
});

/** Leases of all kinds; times are whole seconds, as dhcpd's are. */
const LEASES: readonly Lease[] = [
  made('10.0.0.1', {
    hostname: 'n"1"\\',
    vendorClass: 'PXEClient:Arch:00007',
    clientId: [1, 2, 255, 0, 34, 92],
  }),
  made('10.0.0.2', { expiresAt: undefined, bootp: true }),
  made('10.0.0.3', {
    relayAgentInfo: [1, 4, 0, 1, 2, 255, 2, 2, 65, 66, 4, 4, 0, 0, 0, 7, 5, 4, 10, 0, 0, 9, 19, 0, 151, 1, 7],
  }),
  made('10.0.0.4', { state: 'released', expiresAt: NOW - 5000 }),
  made('10.0.0.5', { state: 'expired', expiresAt: NOW - 5000 }),
  made('10.0.0.6', { hostname: 'schön' }),
];

const DECLINED: Lease = {
  ...made('10.0.0.7', { state: 'declined' }),
  client: undefined,
  htype: 0,
  hardwareAddress: new Uint8Array(0),
  mac: undefined,
};

interface Made {
  readonly state?: Lease['state'];
  readonly expiresAt?: number | undefined;
  readonly bootp?: boolean;
  readonly hostname?: string;
  readonly vendorClass?: string;
  readonly clientId?: readonly number[];
  readonly relayAgentInfo?: readonly number[];
}

function made(address: string, says: Made): Lease {
  const { clientId, relayAgentInfo } = says;
  const body = { cltt: NOW - 60_000, starts: NOW - 120_000 };
  const [found] = [
    leaseOf(`lease ${address} { hardware ethernet 52:54:00:00:00:01; binding state active; ends never; }`),
  ];
  if (found === undefined) throw new Error(`${address} is no address`);
  const id = clientId && Uint8Array.from(clientId);
  return {
    ...found,
    state: says.state ?? 'bound',
    client:
      id === undefined ? found.client : (`id:${formatOctets(id).replaceAll(':', '')}` as Lease['client']),
    clientId: id,
    startsAt: body.starts,
    lastSeenAt: body.cltt,
    expiresAt: 'expiresAt' in says ? says.expiresAt : NOW + 600_000,
    bootp: says.bootp ?? false,
    hostname: says.hostname,
    vendorClass: says.vendorClass,
    relayAgentInfo: relayAgentInfo && Uint8Array.from(relayAgentInfo),
  };
}

describe('the way back', () => {
  const back = (leases: readonly Lease[]): readonly (Lease | undefined)[] => {
    const { records, losses } = parse(formatDhcpdLeases(leases, NOW));
    expect(losses).toEqual([]);
    return records.map((record) => leaseOfRecord(record, NOW));
  };

  it('what bootd writes for dhcpd, bootd reads as the same leases', () => {
    // dhcpd knows no other state than free for an address that was given back.
    expect(back(LEASES)).toEqual(
      LEASES.map((each) => (each.state === 'released' ? { ...each, state: 'expired' } : each)),
    );
  });

  it('a declined address is abandoned until its end, and nobody’s', () => {
    expect(back([DECLINED])).toMatchObject([
      { state: 'declined', client: undefined, expiresAt: DECLINED.expiresAt },
    ]);
    expect(formatDhcpdLeases([DECLINED], NOW)).not.toMatch(/hardware|uid/);
  });

  it('a lease whose time is over is free in the file, whatever its record says', () => {
    expect(formatDhcpdLeases([made('10.0.0.1', { expiresAt: NOW - 1 })], NOW)).toContain(
      'binding state free;',
    );
  });

  it('no end is later than dhcpd can write', () => {
    const text = formatDhcpdLeases([made('10.0.0.1', { expiresAt: Date.UTC(2045, 0, 1) })], NOW);
    expect(text).toContain('ends 2 2038/01/19 03:14:07;');
  });

  it('an offer is a promise for seconds, and left out', () => {
    expect(formatDhcpdLeases([made('10.0.0.1', { state: 'offered' })], NOW)).not.toContain('10.0.0.1');
  });

  it('sub-options of a relay that dhcpd would refuse are left out, and not the whole file', () => {
    const broken = made('10.0.0.1', { relayAgentInfo: [4, 1, 9, 5, 1, 9, 19, 1, 9, 1, 1, 65] });
    expect(formatDhcpdLeases([broken], NOW).match(/agent\..*/g)).toEqual(['agent.circuit-id "A";']);
    expect(formatDhcpdLeases([made('10.0.0.1', { relayAgentInfo: [1, 99, 0] })], NOW)).not.toContain('agent');
  });

  it('JSON comes back as it was', () => {
    const all = [...LEASES, DECLINED];
    expect(parseLeaseJson(formatLeaseJson(all, NOW))).toEqual({ leases: all, unreadable: [] });
    expect(parseLeaseJson(`{ "leases": ${formatLeaseJson(all, NOW)} }`)?.leases).toEqual(all);
  });

  it('JSON that is no list of leases is said to be none, item by item', () => {
    expect(['', '{}', '7', '{"leases":{}}'].map(parseLeaseJson)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(parseLeaseJson('[{}, 1, null, {"address":"10.0.0.1"}]')).toEqual({
      leases: [],
      unreadable: [0, 1, 2, 3],
    });
  });

  it('CSV shows what cannot be seen, and what would turn the cells of a row around', () => {
    const lease = made('10.0.0.1', { hostname: 'bm\u202e1,\u200f\n', vendorClass: '\t=1+1' });
    const csv = formatLeaseCsv([lease], NOW);
    expect(csv).toContain(',"bm\\u202e1,\\u200f\\x0a",\\x09=1+1,');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)'])('CSV has no formula of the wire in a cell: %s', (hostname) => {
    const [, row = ''] = formatLeaseCsv([made('10.0.0.1', { hostname })], NOW).split('\r\n');
    expect(row.split(',')).toContain(`'${hostname}`);
  });

  it('CSV has a heading, a row a lease, quotes where they are needed, and nothing for what is not known', () => {
    const rows = formatLeaseCsv([made('10.0.0.1', { hostname: 'a,"b"', expiresAt: undefined })], NOW).split(
      '\r\n',
    );
    expect(rows).toEqual([
      'address,state,mac,hardware_type,hardware_address,client_id,hostname,vendor_class,bootp,starts_at,expires_at,last_seen_at,relay_agent_info',
      '10.0.0.1,bound,52:54:00:00:00:01,1,52:54:00:00:00:01,,"a,""b""",,false,2026-11-22T17:48:00.000Z,,2026-11-22T17:49:00.000Z,',
      '',
    ]);
  });
});
