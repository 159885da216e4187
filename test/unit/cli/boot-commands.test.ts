import { createServer, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventParser } from '../../../src/cli/event-parser.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { FakeControl } from './fake-control.ts';
import { run } from './run.ts';

const MAC = '0c:c4:7a:0e:2b:6b';
const UUID = '40928205-b463-4846-b68a-97099512d8df';

const SUMMARY = {
  id: 'tox3k1',
  mac: MAC,
  node: UUID,
  probe: false,
  started_at: '2026-01-01T03:00:00.000Z',
  firmware: 'uefi-x64',
  address: '192.168.0.130',
  interface: 'br-prov',
  relay: null,
  phase: 'boot-file',
  state: 'stuck',
  verdict: {
    code: 'file-not-found',
    sentence: 'asked for bootx64.efi, which is not below the TFTP root',
    cause: 'There is no such file.',
    remedy: 'Put the file there.',
  },
  notices: [{ code: 'lossy-wire', sentence: '60 packets of its files had to be sent again' }],
};
const STEPS = [
  {
    kind: 'dhcp',
    at: '2026-01-01T03:00:00.000Z',
    count: 2,
    stage: 'firmware',
    question: 'discover',
    reply: 'offer',
    address: '192.168.0.130',
    boot_file: 'bootx64.efi',
    next_server: '192.168.0.1',
  },
  {
    kind: 'refusal',
    at: '2026-01-01T03:00:04.500Z',
    count: 1,
    via: 'tftp',
    requested: 'boot\u001bx64.efi',
    path: 'boot/bootx64.efi',
    rule: 3,
    reason: 'not-found',
    message: 'File not found',
  },
];
const BOOT = {
  ...SUMMARY,
  omitted_steps: 0,
  steps: STEPS,
  console: ['[  9.1] Kernel panic', '\x1b]0;title'],
};

let control: FakeControl;
beforeAll(async () => {
  control = await FakeControl.start();
});
afterAll(() => control.stop());
beforeEach(() => {
  control.answers({
    'GET /v1/boots': { body: { boots: [SUMMARY, { ...SUMMARY, id: 'tox3k0', state: 'done' }] } },
    [`GET /v1/boots?mac=${MAC.replaceAll(':', '%3A')}`]: { body: { boots: [SUMMARY] } },
    [`GET /v1/boots?mac=${MAC}`]: { body: { boots: [SUMMARY] } },
    [`GET /v1/boots?node=${UUID}`]: { body: { boots: [SUMMARY] } },
    'GET /v1/boots/tox3k1': { body: BOOT },
    'GET /v1/nodes': { body: { nodes: [{ uuid: UUID, name: 'bm1', ports: [{ address: MAC }] }] } },
  });
});

const boot = (...words: readonly string[]) => run(['boot', ...words, '--socket', control.socket]);

describe('bootd boot list', () => {
  it('shows each boot with its verdict', async () => {
    const { code, out } = await boot('list');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'BOOT    STARTED               MAC                FIRMWARE  STATE  VERDICT',
      `tox3k1  2026-01-01T03:00:00Z  ${MAC}  uefi-x64  stuck  asked for bootx64.efi, which is not below the TFTP root`,
      `tox3k0  2026-01-01T03:00:00Z  ${MAC}  uefi-x64  done   asked for bootx64.efi, which is not below the TFTP root`,
    ]);
  });

  it('can leave out those that went well, and print JSON', async () => {
    const { out } = await boot('list', '--stuck', '--json');
    expect(JSON.parse(out)).toEqual([SUMMARY]);
  });

  it('finds the boots of a node by its name', async () => {
    await boot('list', '--node', 'bm1');
    expect(control.calls.at(-1)?.path).toBe(`/v1/boots?node=${UUID}`);
  });
});

describe('bootd boot show', () => {
  it.each(['tox3k1', 'bm1', UUID, MAC])('explains the boot that %s means', async (wanted) => {
    const { code, out } = await boot('show', wanted);
    expect(code).toBe(0);
    expect(out).toContain(
      'verdict:   asked for bootx64.efi, which is not below the TFTP root [file-not-found]',
    );
    expect(out).toContain('remedy:    Put the file there.');
    expect(out).toContain('besides:   60 packets of its files had to be sent again [lossy-wire]');
    expect(out).toContain(
      '0.000 s  dhcp  firmware: DISCOVER, OFFER 192.168.0.130, boot file bootx64.efi from 192.168.0.1 (2 times)',
    );
    expect(out).toContain(
      '4.500 s  tftp  boot\\x1bx64.efi, which rule 3 made boot/bootx64.efi: File not found (not-found)',
    );
    expect(out).toMatch(
      /\nthe last lines of its console:\n {2}\| \[ {2}9\.1\] Kernel panic\n {2}\| \\x1b\]0;title$/,
    );
  });

  it('says that there is none', async () => {
    const { code, err } = await boot('show', 'bm7');
    expect(code).toBe(1);
    expect(err).toContain('no boot and no node is called "bm7"');
  });
});

describe('bootd boot follow', () => {
  it('tells of steps and verdicts, and comes back with the last id when the stream ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bootd-follow-'));
    const socket = join(folder, 'control.sock');
    const ids: (string | undefined)[] = [];
    const written: string[] = [];
    let stop: (signal: string) => void = () => undefined;
    const event = (id: string, data: object): string =>
      `id: ${id}\nevent: boot\ndata: ${JSON.stringify(data)}\n\n`;
    const streams: ((response: ServerResponse) => void)[] = [
      (response) => {
        const text = event('r-1', { ...SUMMARY, state: 'under-way', step: STEPS[0] });
        // In two pieces, and broken off in the third event.
        response.write(text.slice(0, 50));
        response.end(`${text.slice(50)}${event('r-2', { ...SUMMARY, mac: 'other', step: STEPS[1] })}id: r-3`);
      },
      (response) => {
        response.write(event('r-3', { ...SUMMARY, step: STEPS[1] }));
        setTimeout(() => stop('SIGINT'), 50);
      },
    ];
    const server = createServer((request, response) => {
      ids.push(request.headers['last-event-id'] as string | undefined);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.shift()?.(response);
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      const code = await runProgram(['boot', 'follow', '--mac', MAC, '--socket', socket], {
        terminal: {
          writeLine: (line) => void written.push(line),
          writeError: () => undefined,
          write: () => undefined,
          readKeys: () => () => undefined,
          decorated: false,
        },
        platform: { node: 'v20.20.2', name: 'linux x64' },
        process: { environment: {}, pid: process.pid },
        untilStopSignal: () => new Promise((resolve) => (stop = resolve)),
        onReloadSignal: () => undefined,
        onReportSignal: () => undefined,
      });
      expect(code).toBe(0);
      expect(ids).toEqual([undefined, 'r-2']);
      expect(written).toEqual([
        `${MAC}      0.000 s  dhcp  firmware: DISCOVER, OFFER 192.168.0.130, boot file bootx64.efi from 192.168.0.1 (2 times)`,
        `${MAC}  STUCK: asked for bootx64.efi, which is not below the TFTP root`,
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('passes over what is no event', () => {
    const heard: unknown[] = [];
    const parser = new EventParser((type, data) => heard.push([type, data]));
    parser.receive(': still here\n\nretry: 2000\n\nevent: boot\ndata: {oops\n\nid: 7\ndata: 1\n\n');
    expect(heard).toEqual([['message', 1]]);
    expect(parser.lastId).toBe('7');
  });
});
