import { isDeepStrictEqual } from 'node:util';
import type { TemplateSet, TemplateVariables } from '../boot/template.ts';
import { ConfigError, formatConfigProblem, type ConfigProblem } from '../config/config-error.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { watchFolders, type FolderWatch } from './folder-watch.ts';
import type { Service } from './service.ts';
import { loadTemplates, type LoadedTemplates } from './template-folder.ts';

/** What the service works with. */
export interface TemplateServiceParts {
  /** Absolute path; what it does not have comes from the shipped folder. */
  readonly folder: string;
  readonly shippedFolder: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** An editor writes a file in several steps; this long after the last of them it is read. */
const SETTLE_MS = 200;

const NO_TEMPLATES: LoadedTemplates = {
  templates: {
    has: () => false,
    render: () => {
      throw new Error('templates are rendered only after the service has started');
    },
  },
  sources: new Map(),
  problems: [],
  read: new Map(),
};

/**
 * The templates of a folder, read again whenever they change. One with a mistake is reported with its place and
 * changes nothing: the last good one goes on serving.
 */
export class TemplateService implements Service, TemplateSet {
  readonly name = 'templates';
  #parts: TemplateServiceParts;
  #loaded = NO_TEMPLATES;
  #watch: FolderWatch | undefined;
  #settling: NodeJS.Timeout | undefined;
  #loading: Promise<void> = Promise.resolve();

  constructor(parts: TemplateServiceParts) {
    this.#parts = parts;
  }

  /** What is wrong with the templates as they are on disk now; for `bootd check` and readiness. */
  get problems(): readonly ConfigProblem[] {
    return this.#loaded.problems;
  }

  has(name: string): boolean {
    return this.#loaded.templates.has(name);
  }

  render(name: string, variables: TemplateVariables): string {
    return this.#loaded.templates.render(name, variables);
  }

  /** Resolves once the templates are read and watched. Mistakes in them do not stop the daemon. */
  async start(): Promise<void> {
    await this.reload();
    await this.#watchFolders();
  }

  async #watchFolders(): Promise<void> {
    const { folder, shippedFolder, logger } = this.#parts;
    this.#watch = await watchFolders([folder, shippedFolder], {
      changed: () => {
        clearTimeout(this.#settling);
        this.#settling = setTimeout(() => void this.reload(), SETTLE_MS);
      },
      failed: (error) => {
        logger.warn(
          { event: EVENTS.templateFailed, err: error },
          'the kernel has no watch for the template folder; it is looked at every two seconds',
        );
      },
    });
  }

  async stop(): Promise<void> {
    const watch = this.#watch;
    this.#watch = undefined;
    await watch?.stop();
    clearTimeout(this.#settling);
    await this.#loading;
  }

  /**
   * Reads another folder without using it yet: the function that it resolves with does. Rejects with ConfigError when it
   * has a mistake. For the folder that is in use, that function reads it again, as `reload` does.
   */
  async prepare(folder: string): Promise<() => Promise<void>> {
    if (folder === this.#parts.folder) return () => this.reload();
    const loaded = await loadTemplates(folder, this.#parts.shippedFolder);
    if (loaded.problems.length > 0) throw new ConfigError(loaded.problems);
    return async () => {
      this.#parts = { ...this.#parts, folder };
      this.#loaded = loaded;
      this.#logLoaded();
      await this.#watch?.stop();
      await this.#watchFolders();
    };
  }

  /** Reads the folder now. Never rejects: what cannot be read is one of the problems. */
  reload(): Promise<void> {
    this.#loading = this.#loading.then(() => this.#load());
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { folder, shippedFolder, logger, metrics } = this.#parts;
    const loaded = await loadTemplates(folder, shippedFolder, this.#loaded.sources);
    // Another folder came into use meanwhile.
    if (folder !== this.#parts.folder) return;
    const before = this.#loaded;
    this.#loaded = loaded;
    // A folder that is swapped together with the configuration is read for both.
    if (before !== NO_TEMPLATES && isSame(before, loaded)) return;
    for (const problem of this.#loaded.problems) {
      metrics.templateFailures.inc();
      logger.error(
        { event: EVENTS.templateFailed, file: problem.file, line: problem.line },
        formatConfigProblem(problem),
      );
    }
    this.#logLoaded();
  }

  #logLoaded(): void {
    const { folder, logger } = this.#parts;
    logger.info(
      { event: EVENTS.templateLoaded, folder, templates: [...this.#loaded.sources.keys()] },
      'templates are in effect',
    );
  }
}

function isSame(before: LoadedTemplates, after: LoadedTemplates): boolean {
  return isDeepStrictEqual([before.read, before.problems], [after.read, after.problems]);
}
