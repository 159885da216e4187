import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { BootdSettings } from '../../../src/config/settings.ts';
import { IoError } from '../../../src/io/io-error.ts';
import { ReloadService } from '../../../src/services/reload-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const PATIENCE = { timeout: 20_000, interval: 20 };

const FIRST = 'http-boot: { listen: 10.0.0.1:80, root: /srv }\nlog-level: info\n';
const DEBUG = FIRST.replace('info', 'debug');
const TRACE = FIRST.replace('info', 'trace');
const BAD = FIRST.replace('info', 'loud');
const MOVED = FIRST.replace('10.0.0.1:80', '10.0.0.1:8080');
const BAD_PROBLEM = "bootd.yaml:2:12: 'loud' is none of";

/** As `buildReload` has it, over parts that a test plays. */
class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'bootd-reload-'));
  readonly file = join(this.folder, 'bootd.yaml');
  readonly log: Record<string, unknown>[] = [];
  readonly metrics = createMetrics();
  /** What the service manager was told, and what came into force, in turn. */
  readonly steps: string[] = [];
  settings: BootdSettings;
  prepare: (next: BootdSettings) => Promise<() => Promise<void>>;
  readonly service: ReloadService;

  constructor() {
    writeFileSync(this.file, FIRST);
    const readText = (name: string): string => readFileSync(name, 'utf8');
    this.settings = loadConfig(this.file, readText).settings;
    this.prepare = (next) =>
      Promise.resolve(() => {
        this.use(next);
        return Promise.resolve();
      });
    this.service = new ReloadService({
      configuration: { file: this.file, text: FIRST, readText },
      settings: () => this.settings,
      prepare: (next) => this.prepare(next),
      notifier: {
        reloading: () => this.steps.push('reloading'),
        reloaded: () => this.steps.push('reloaded'),
      },
      clock: { now: () => 1_700_000_000_000 },
      logger: pino({}, { write: (line) => this.log.push(JSON.parse(line) as Record<string, unknown>) }),
      metrics: this.metrics,
    });
  }

  /** Lets nobody get ready until the function that it returns is called. */
  holdUp(): () => void {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const { prepare } = this;
    this.prepare = async (next) => {
      await opened;
      return prepare(next);
    };
    return () => open();
  }

  use(next: BootdSettings): void {
    this.settings = next;
    this.steps.push(next.logLevel);
  }

  write(text: string): void {
    writeFileSync(this.file, text);
  }

  /** Lines of the log about this event. */
  logged(event: string): readonly Record<string, unknown>[] {
    return this.log.filter((line) => line['event'] === event);
  }

  async gauge(name: string): Promise<number | undefined> {
    const [value] = (await this.metrics.registry.getSingleMetric(name)?.get())?.values ?? [];
    return value?.value;
  }

  isSuccessful(): Promise<number | undefined> {
    return this.gauge('bootd_config_last_reload_successful');
  }
}

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(async () => {
  await stage.service.stop();
  rmSync(stage.folder, { recursive: true });
});

describe('a reload', () => {
  it('puts what the file says in force, tells the service manager when it is done, and says what changed', async () => {
    stage.write(DEBUG);
    expect(await stage.service.reload()).toEqual({
      kind: 'applied',
      changes: [{ key: 'log-level', effect: { kind: 'live' } }],
    });
    expect(stage.steps).toEqual(['reloading', 'debug', 'reloaded']);
    expect(stage.logged('config.reloaded')).toMatchObject([
      { cause: 'api', live: ['log-level'], restart: [] },
    ]);
    expect(await stage.isSuccessful()).toBe(1);
  });

  it('names what waits for a restart each time, and keeps the old value', async () => {
    stage.write(MOVED);
    for (let reloads = 1; reloads <= 2; reloads += 1) {
      const outcome = await stage.service.reload();
      expect(outcome).toMatchObject({
        kind: 'applied',
        changes: [{ key: 'http-boot.listen', effect: { kind: 'restart' } }],
      });
    }
    expect(stage.settings.httpBoot?.listen.port).toBe(80);
    expect(await stage.gauge('bootd_config_restart_pending_keys')).toBe(1);
    expect(stage.logged('config.restart.pending')).toHaveLength(2);
  });
});

describe('reloads at the same time', () => {
  it('are made one after the other, each with the file as it is when its turn comes', async () => {
    const open = stage.holdUp();
    stage.write(DEBUG);
    const first = stage.service.reload();
    const second = stage.service.reload('signal');
    const planned = stage.service.plan();
    await vi.waitFor(() => expect(stage.steps).toEqual(['reloading']), PATIENCE);
    stage.write(TRACE);
    open();
    expect(await first).toMatchObject({ kind: 'applied', changes: [{ key: 'log-level' }] });
    expect(await second).toMatchObject({ kind: 'applied', changes: [{ key: 'log-level' }] });
    expect(await planned).toEqual({ kind: 'planned', changes: [] });
    expect(stage.steps).toEqual(['reloading', 'debug', 'reloaded', 'reloading', 'trace', 'reloaded']);
  });

  it('do not wait for ever behind one that failed', async () => {
    const { prepare } = stage;
    stage.prepare = () => Promise.reject(new TypeError('of our making'));
    stage.write(DEBUG);
    const first = stage.service.reload();
    const second = stage.service.reload();
    await expect(first).rejects.toThrow('of our making');
    await expect(second).rejects.toThrow('of our making');
    stage.prepare = prepare;
    expect(await stage.service.reload()).toMatchObject({ kind: 'applied' });
  });
});

describe('a plan', () => {
  it('puts nothing in force and tells nobody', async () => {
    stage.write(DEBUG);
    expect(await stage.service.plan()).toMatchObject({ kind: 'planned', changes: [{ key: 'log-level' }] });
    expect(stage.settings.logLevel).toBe('info');
    expect(stage.steps).toEqual([]);
    expect(stage.log).toEqual([]);
  });

  it('that is refused says why, and is no problem of what is in force', async () => {
    stage.write(BAD);
    const outcome = await stage.service.plan();
    expect(outcome).toMatchObject({ kind: 'refused', problems: [expect.stringContaining(BAD_PROBLEM)] });
    expect(stage.service.problems).toEqual([]);
    expect(stage.log).toEqual([]);
  });
});

describe('a file that cannot be used', () => {
  it('changes nothing, is a problem with its place, and is forgotten when a good one comes', async () => {
    stage.write(BAD);
    expect(await stage.service.reload()).toMatchObject({ kind: 'refused' });
    expect(stage.steps).toEqual(['reloading', 'reloaded']);
    expect(stage.service.problems).toEqual([expect.stringContaining(BAD_PROBLEM)]);
    expect(stage.logged('config.reload.refused')).toMatchObject([{ line: 2, column: 12, cause: 'api' }]);
    expect(await stage.isSuccessful()).toBe(0);

    stage.write(DEBUG);
    expect(await stage.service.reload()).toMatchObject({ kind: 'applied' });
    expect(stage.service.problems).toEqual([]);
    expect(await stage.isSuccessful()).toBe(1);
  });

  it('is refused where it is missing', async () => {
    rmSync(stage.file);
    expect(await stage.service.reload()).toMatchObject({
      kind: 'refused',
      problems: [expect.stringMatching(/bootd\.yaml:1:1: cannot be read: .*ENOENT/)],
    });
    expect(stage.settings.logLevel).toBe('info');
  });

  it.each([
    [
      'a service that finds a mistake in what the file names',
      new ConfigError([
        { severity: 'error', file: '/tftpboot/map-file', line: 3, column: 1, message: 'no such rule' },
      ]),
      /^\/tftpboot\/map-file:3:1: no such rule$/,
    ],
    [
      'a service that the system refuses something',
      new IoError('not-permitted', 'no room'),
      /bootd\.yaml:1:1: no room$/,
    ],
  ])('is refused by %s', async (_, error, problem) => {
    stage.prepare = () => Promise.reject(error);
    stage.write(DEBUG);
    expect(await stage.service.reload()).toEqual({
      kind: 'refused',
      problems: [expect.stringMatching(problem)],
    });
    expect(stage.settings.logLevel).toBe('info');
    expect(stage.service.problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe('a mistake of ours', () => {
  it('before anything is in force leaves the old configuration, and says so', async () => {
    const { prepare } = stage;
    stage.prepare = () => Promise.reject(new TypeError('of our making'));
    stage.write(DEBUG);
    await expect(stage.service.reload()).rejects.toThrow('of our making');
    expect(stage.settings.logLevel).toBe('info');
    const problem: unknown = expect.stringMatching(
      /failed to put it in force: of our making; .* before stays in force/,
    );
    expect(stage.service.problems).toEqual([problem]);
    expect(stage.logged('daemon.failed')).toMatchObject([{ level: 50, cause: 'api', msg: problem }]);
    expect(await stage.isSuccessful()).toBe(0);
    expect(stage.steps).toEqual(['reloading', 'reloaded']);

    stage.prepare = prepare;
    await stage.service.reload();
    expect(stage.service.problems).toEqual([]);
  });

  it('when all is in force already does not claim that the old configuration is', async () => {
    stage.prepare = (next) =>
      Promise.resolve(() => {
        stage.use(next);
        return Promise.reject(new TypeError('of our making'));
      });
    stage.write(DEBUG);
    await expect(stage.service.reload()).rejects.toThrow('of our making');
    expect(stage.settings.logLevel).toBe('debug');
    expect(stage.service.problems).toEqual([
      expect.stringMatching(/: is in force, but .* everywhere: of our making; restart bootd$/),
    ]);
    expect(await stage.isSuccessful()).toBe(0);
    expect(stage.logged('config.reloaded')).toEqual([]);
    expect(stage.steps).toEqual(['reloading', 'debug', 'reloaded']);
  });
});

describe('while it runs', () => {
  it('puts in force what was written before it began to watch', async () => {
    stage.write(DEBUG);
    await stage.service.start();
    await vi.waitFor(() => expect(stage.settings.logLevel).toBe('debug'), PATIENCE);
  });

  it('notices a file that is replaced, and one that is gone and comes back', async () => {
    await stage.service.start();
    writeFileSync(`${stage.file}.new`, DEBUG);
    renameSync(`${stage.file}.new`, stage.file);
    await vi.waitFor(() => expect(stage.settings.logLevel).toBe('debug'), PATIENCE);
    rmSync(stage.file);
    await vi.waitFor(() => expect(stage.service.problems).toHaveLength(1), PATIENCE);
    expect(stage.settings.logLevel).toBe('debug');
    stage.write(TRACE);
    await vi.waitFor(() => expect(stage.settings.logLevel).toBe('trace'), PATIENCE);
    expect(stage.service.problems).toEqual([]);
  });

  it('survives a mistake of ours in a reload that nobody waits for', async () => {
    await stage.service.start();
    stage.prepare = () => Promise.reject(new TypeError('of our making'));
    stage.write(DEBUG);
    await vi.waitFor(() => expect(stage.logged('daemon.failed')).toHaveLength(1), PATIENCE);
  });
});

describe('the end', () => {
  it('waits for the reload that is under way, and makes no other one', async () => {
    await stage.service.start();
    const open = stage.holdUp();
    stage.write(DEBUG);
    const underWay = stage.service.reload();
    await vi.waitFor(() => expect(stage.steps).toEqual(['reloading']), PATIENCE);
    const stopped = stage.service.stop();
    const late = stage.service.reload();
    open();
    expect(await underWay).toMatchObject({ kind: 'applied' });
    await stopped;
    expect(await late).toEqual({ kind: 'refused', problems: ['bootd is being stopped'] });
    expect(await stage.service.plan()).toMatchObject({ kind: 'refused' });
    expect(stage.steps).toEqual(['reloading', 'debug', 'reloaded']);
  });
});
