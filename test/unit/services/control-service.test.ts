import { mkdtempSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeRegistry } from '../../../src/boot/node-registry.ts';
import type { HttpSettings } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { POWER_DEFAULTS } from '../../../src/ipmi/power-settings.ts';
import { PowerService } from '../../../src/services/power-service.ts';
import { NO_RELOADS, NO_WATCHES } from '../control/api.ts';
import { ControlService } from '../../../src/services/control-service.ts';
import { groupIdOf } from '../../../src/services/group-id.ts';
import type { ProbeCommands } from '../../../src/control/probe-commands.ts';
import { EventHub } from '../../../src/services/event-hub.ts';
import { NodeService } from '../../../src/services/node-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { FakeNodeStore } from './node-store-fake.ts';

let folder: string;
let socket: string;
let lines: Record<string, unknown>[];
const services: ControlService[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-control-'));
  socket = join(folder, 'run/control.sock');
  lines = [];
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  rmSync(folder, { recursive: true });
});

const ownGroup = spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim();

function createService(options: { http?: HttpSettings; group?: string } = {}): ControlService {
  const logger = pino(
    {},
    { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const metrics = createMetrics();
  const nodes = new NodeService({
    registry: new NodeRegistry(),
    store: new FakeNodeStore(),
    rendering: () => ({
      templates: { has: () => true, render: () => '' },
      tftpRoot: undefined,
      tftpServer: undefined,
    }),
    files: { isServed: () => Promise.resolve(true) },
    dhcpSettings: () => undefined,
    images: { holdFor: () => Promise.resolve(() => undefined) },
    logger,
    metrics,
  });
  const service = new ControlService({
    control: { socket, group: options.group ?? ownGroup },
    http: options.http,
    api: {
      nodes,
      leases: undefined,
      images: { list: () => [] },
      probes: NO_PROBES,
      boots: { list: () => [], byId: () => undefined },
      watches: NO_WATCHES,
      configuration: NO_RELOADS,
      power: new PowerService({ settings: POWER_DEFAULTS, nodes, clock: systemClock, logger, metrics }),
      events: new EventHub({ checks: () => [], runId: 'run' }),
      health: { checks: () => [] },
      metrics,
      logger,
      version: '0',
    },
  });
  services.push(service);
  return service;
}

const NO_PROBES: ProbeCommands = {
  announce: () => undefined,
  end: () => undefined,
  expectedFile: () => undefined,
  underWay: () => [],
};

const http = { listen: { host: '127.0.0.1', port: 0 }, tokenFile: undefined, hostNames: [] };

/** One request; resolves with its status. */
function call(
  target: { socketPath: string } | { host: string; port: number },
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const call: ClientRequest = request(
      { ...target, method, path: '/v1/nodes/40928205-b463-4846-b68a-97099512d8df', headers, agent: false },
      (response: IncomingMessage) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    call.on('error', reject);
    call.end();
  });
}

describe('the control socket', () => {
  it('answers, lets everything be done, and is gone afterwards', async () => {
    const service = createService();
    await service.start();
    expect(await call({ socketPath: socket })).toBe(404);
    expect(await call({ socketPath: socket }, 'DELETE')).toBe(204);
    expect(service.httpAddress).toBeUndefined();
    await service.stop();
    expect(existsSync(socket)).toBe(false);
    await service.stop();
  });

  it('is for owner and group only, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await createService().start();
    } finally {
      process.umask(before);
    }
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    expect(statSync(socket).gid).toBe(userInfo().gid);
  });

  it('leaves the umask as it was', async () => {
    const modeOfNewFile = (name: string): number => {
      writeFileSync(join(folder, name), '', { mode: 0o777 });
      return statSync(join(folder, name)).mode;
    };
    const before = modeOfNewFile('before');
    await createService().start();
    expect(modeOfNewFile('after')).toBe(before);
  });

  it('warns when the group does not exist', async () => {
    await createService({ group: 'no-such-group-here' }).start();
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'config.warned',
        msg: 'control socket: there is no group no-such-group-here; only the owner may use the socket',
      }),
    );
    expect(await call({ socketPath: socket })).toBe(404);
  });

  it('takes the place of a socket that a killed process left behind', async () => {
    await createService().start();
    await services[0]?.stop();
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(existsSync(socket)).toBe(true);
    await createService().start();
    expect(await call({ socketPath: socket })).toBe(404);
  });

  it('refuses to take the place of a living process', async () => {
    await createService().start();
    await expect(createService().start()).rejects.toThrow(
      `cannot listen on ${socket}: another process listens there`,
    );
    expect(await call({ socketPath: socket })).toBe(404);
  });

  it('refuses to replace a file', async () => {
    socket = join(folder, 'file');
    writeFileSync(socket, 'precious');
    await expect(createService().start()).rejects.toThrow(
      `cannot listen on ${socket}: it is there and is not a socket`,
    );
    expect(statSync(socket).size).toBe(8);
  });
});

describe('the admins’ side', () => {
  it('is for reading', async () => {
    const service = createService({ http });
    await service.start();
    const { port } = service.httpAddress!;
    const target = { host: '127.0.0.1', port };
    expect(await call(target)).toBe(404);
    expect(await call(target, 'DELETE')).toBe(403);
  });

  it('lets changes through with the token of the file', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, '  a-token\n', { mode: 0o600 });
    const service = createService({ http: { ...http, tokenFile } });
    await service.start();
    const target = { host: '127.0.0.1', port: service.httpAddress!.port };
    expect(await call(target, 'DELETE')).toBe(401);
    expect(await call(target, 'DELETE', { authorization: 'Bearer a-token' })).toBe(204);
    expect(lines.filter(({ event }) => event === 'config.warned')).toEqual([]);
  });

  it('warns when everybody may read the token', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'a-token', { mode: 0o644 });
    await createService({ http: { ...http, tokenFile } }).start();
    expect(lines).toContainEqual(expect.objectContaining({ event: 'config.warned', file: tokenFile }));
  });

  it.each([
    ['is not there', undefined, /cannot read http\.token-file .*: no such file or directory/],
    ['is empty', '\n', /must hold one token without spaces/],
    ['holds two words', 'a b', /must hold one token without spaces/],
  ])('does not start when the token file %s, and leaves no socket behind', async (_name, text, reason) => {
    const tokenFile = join(folder, 'token');
    if (text !== undefined) writeFileSync(tokenFile, text);
    await expect(createService({ http: { ...http, tokenFile } }).start()).rejects.toThrow(reason);
    expect(existsSync(socket)).toBe(false);
  });

  it('says which address is taken', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => {
        const address = other.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      await expect(
        createService({ http: { ...http, listen: { host: '127.0.0.1', port } } }).start(),
      ).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: address already in use`);
    } finally {
      other.close();
    }
  });

  it('does not wait for connections that are kept alive', async () => {
    const service = createService({ http });
    await service.start();
    const { port } = service.httpAddress!;
    await fetch(`http://127.0.0.1:${port}/healthz`).then((reply) => reply.text());
    const before = performance.now();
    await service.stop();
    expect(performance.now() - before).toBeLessThan(1500);
  });
});

describe('groupIdOf', () => {
  it.each([
    ['root', 0],
    [ownGroup, userInfo().gid],
    ['no-such-group-here', undefined],
    ['', undefined],
  ])('%j: %s', async (name, id) => {
    expect(await groupIdOf(name)).toBe(id);
  });
});
