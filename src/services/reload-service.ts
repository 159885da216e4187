import { createHash } from 'node:crypto';
import { ConfigError, formatConfigProblem, type ConfigProblem } from '../config/config-error.ts';
import { problemWithReference } from '../config/check-configuration.ts';
import { readConfig, type ReadText } from '../config/load-config.ts';
import { sectionsWithoutInterfaces } from '../config/parse-config.ts';
import type { ReferencedFiles } from '../config/referenced-files.ts';
import { planReload, type PlannedChange, type ReloadPlan } from '../config/reload-plan.ts';
import type { BootdSettings } from '../config/settings.ts';
import type { ReloadCommands, ReloadOutcome } from '../control/reload-commands.ts';
import type { Clock } from '../io/clock.ts';
import { IoError } from '../io/io-error.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { watchFile } from './file-watch.ts';
import type { FolderWatch } from './folder-watch.ts';
import type { Service } from './service.ts';

/** The configuration that the daemon was started with. */
export interface StartingConfiguration {
  /** Absolute path. */
  readonly file: string;
  /** What stood in it. */
  readonly text: string;
  readonly readText: ReadText;
}

/** What the service works with. */
export interface ReloadServiceParts {
  readonly configuration: StartingConfiguration;
  /** What is in force now. */
  readonly settings: () => BootdSettings;
  /**
   * Gets all services ready for other settings without showing any of it. The function that it resolves with puts them
   * in force, all in the same turn of the event loop, and resolves when what follows from them is done; that it rejects is
   * a mistake of ours. Rejects with ConfigError or IoError when one of them cannot.
   */
  readonly prepare: (next: BootdSettings) => Promise<() => Promise<void>>;
  /** For the service manager, which waits for the end of what it asked for. */
  readonly notifier: { reloading(): void; reloaded(): void };
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Who asked. */
type Cause = 'signal' | 'file' | 'api';

interface ReadPlan {
  readonly plan: ReloadPlan;
  readonly text: string;
  readonly warnings: readonly ConfigProblem[];
  readonly files: ReferencedFiles;
  readonly apply: () => Promise<void>;
}

/**
 * Puts a changed configuration in force while everything runs: it is read and compared, every service gets ready, and
 * then all of it holds at once, or nothing does. What a restart would refuse, a reload refuses; what was in force
 * stays, and `problems` says so until a good file comes.
 */
export class ReloadService implements Service, ReloadCommands {
  readonly name = 'configuration';
  readonly #parts: ReloadServiceParts;
  readonly #watches = new Map<string, FolderWatch>();
  #problems: readonly ConfigProblem[] = [];
  /** What stands in the file that is in force. */
  #text: string;
  /** The last of the reloads, which are made one after another. */
  #last: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(parts: ReloadServiceParts) {
    this.#parts = parts;
    this.#text = parts.configuration.text;
  }

  /** Resolves once the file is watched. What was written to it since it was read is put in force. */
  async start(): Promise<void> {
    this.#parts.metrics.configLoaded(sha256(this.#text), this.#parts.clock.now());
    await this.#follow(this.#parts.settings());
    const { text } = this.#read();
    if (text !== undefined && text !== this.#text) this.#reloadChanged();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#last;
    await Promise.all(Array.from(this.#watches.values(), (watch) => watch.stop()));
    this.#watches.clear();
  }

  /** Why the file is not in force as it is now, with places; empty when it is. */
  get problems(): readonly string[] {
    return this.#problems.map(formatConfigProblem);
  }

  /**
   * Never rejects for what stands in files; a mistake of ours is in the log, and among the problems, before it rejects.
   * Refused when bootd is being stopped.
   */
  reload(cause: Cause = 'api'): Promise<ReloadOutcome> {
    return this.#inTurn(() => this.#reload(cause));
  }

  plan(): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      if (this.#stopped) return STOPPED;
      const read = await this.#prepare();
      if ('problems' in read) return { kind: 'refused', problems: read.problems.map(formatConfigProblem) };
      return { kind: 'planned', changes: read.plan.changes };
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #reload(cause: Cause): Promise<ReloadOutcome> {
    if (this.#stopped) return STOPPED;
    const { notifier } = this.#parts;
    notifier.reloading();
    let isInForce = false;
    try {
      const read = await this.#prepare();
      if ('problems' in read) return this.#refuse(read.problems, cause);
      isInForce = true;
      this.#text = read.text;
      await read.apply();
      this.#problems = [];
      this.#report(read, cause);
      await this.#follow(read.plan.settings);
      return { kind: 'applied', changes: read.plan.changes };
    } catch (error) {
      this.#reportMistake(error, cause, isInForce);
      throw error;
    } finally {
      notifier.reloaded();
    }
  }

  /** Everything up to the point from which nothing can fail any more. */
  async #prepare(): Promise<ReadPlan | { readonly problems: readonly ConfigProblem[] }> {
    const { settings: current, prepare } = this.#parts;
    const { text = '', settings, problems, files } = this.#read();
    if (settings === undefined) return { problems };
    const homeless = sectionsWithoutInterfaces(settings);
    if (homeless.length > 0) {
      const message = `'interfaces' names no wire to serve ${homeless.join(' and ')} on`;
      return { problems: [this.#problemAtStart(message)] };
    }
    const plan = planReload(current(), settings);
    try {
      const apply = await prepare(plan.settings);
      return { plan, text, warnings: problems, files, apply };
    } catch (error) {
      if (error instanceof ConfigError) return { problems: error.problems };
      if (!(error instanceof IoError)) throw error;
      // Nothing but the token's file is read without a place of its own.
      const { tokenFile } = files;
      const problem =
        tokenFile === undefined
          ? this.#problemAtStart(error.message)
          : problemWithReference(tokenFile, error.message);
      return { problems: [problem] };
    }
  }

  #read() {
    const { file, readText } = this.#parts.configuration;
    let text: string | undefined;
    const parsed = readConfig(file, (name) => (text = readText(name)));
    return { ...parsed, text };
  }

  #problemAtStart(message: string): ConfigProblem {
    return { severity: 'error', file: this.#parts.configuration.file, line: 1, column: 1, message };
  }

  #refuse(problems: readonly ConfigProblem[], cause: Cause): ReloadOutcome {
    const { logger, metrics } = this.#parts;
    const errors = problems.filter(({ severity }) => severity === 'error');
    this.#problems = errors;
    metrics.configReloadSuccessful.set(0);
    for (const problem of errors) {
      const { file, line, column } = problem;
      logger.error(
        { event: EVENTS.configRefused, cause, file, line, column },
        `${formatConfigProblem(problem)}; the configuration that was in force before stays in force`,
      );
    }
    return { kind: 'refused', problems: errors.map(formatConfigProblem) };
  }

  #report({ plan: { changes }, text, warnings }: ReadPlan, cause: Cause): void {
    const { logger, metrics, clock } = this.#parts;
    for (const problem of warnings) {
      const { file, line, column } = problem;
      logger.warn({ event: EVENTS.configWarned, file, line, column }, formatConfigProblem(problem));
    }
    const live = keysOf(changes, 'live');
    const pending = keysOf(changes, 'restart');
    metrics.configLoaded(sha256(text), clock.now());
    metrics.configRestartPending.set(pending.length);
    logger.info(
      { event: EVENTS.configReloaded, cause, live, restart: pending },
      live.length === 0
        ? 'the configuration was read again: nothing changed'
        : 'a new configuration is in force',
    );
    if (pending.length === 0) return;
    logger.warn(
      { event: EVENTS.configPending, keys: pending },
      `only a restart puts these in force: ${changes.flatMap(describePending).join('; ')}`,
    );
  }

  /** Watches the files that a reload reads and nobody else watches. */
  async #follow({ http }: BootdSettings): Promise<void> {
    const { configuration, logger } = this.#parts;
    const wanted = new Set([configuration.file, ...(http?.tokenFile === undefined ? [] : [http.tokenFile])]);
    for (const [file, watch] of this.#watches) {
      if (wanted.has(file)) continue;
      this.#watches.delete(file);
      await watch.stop();
    }
    for (const file of wanted) {
      if (this.#watches.has(file) || this.#stopped) continue;
      const watch = await watchFile(file, {
        changed: () => this.#reloadChanged(),
        failed: (error) =>
          logger.warn(
            { event: EVENTS.configWarned, file, err: error },
            `${file} cannot be watched: after a change, run bootd reload`,
          ),
      });
      this.#watches.set(file, watch);
    }
  }

  #reloadChanged(): void {
    // What it rejects for is in the log.
    this.reload('file').catch(() => undefined);
  }

  /** What a file says is no reason for it; `/readyz` shows it until a reload goes well. */
  #reportMistake(error: unknown, cause: Cause, isInForce: boolean): void {
    const { logger, metrics } = this.#parts;
    const what = error instanceof Error ? error.message : String(error);
    const message = isInForce
      ? `is in force, but bootd failed to follow it everywhere: ${what}; restart bootd`
      : `bootd failed to put it in force: ${what}; the configuration that was in force before stays in force`;
    const problem = this.#problemAtStart(message);
    this.#problems = [problem];
    metrics.configReloadSuccessful.set(0);
    logger.error({ event: EVENTS.daemonFailed, cause, err: error }, formatConfigProblem(problem));
  }
}

/** What is built down would be built up again. */
const STOPPED: ReloadOutcome = { kind: 'refused', problems: ['bootd is being stopped'] };

function keysOf(changes: readonly PlannedChange[], kind: 'live' | 'restart'): readonly string[] {
  return changes.filter(({ effect }) => effect.kind === kind).map(({ key }) => key);
}

function describePending({ key, effect }: PlannedChange): readonly string[] {
  return effect.kind === 'restart' ? [`${key} (${effect.reason})`] : [];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
