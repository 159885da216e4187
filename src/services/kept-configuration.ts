import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import { watchFile } from './file-watch.ts';
import type { FolderWatch } from './folder-watch.ts';
import type { StartingConfiguration } from './reload-service.ts';
import type { Service } from './service.ts';

/**
 * The configuration of a rehearsal, which it keeps from its beginning to its end: its counts are about one configuration.
 * A file that says something else by now is a problem, until it says the same again.
 */
export class KeptConfiguration implements Service {
  readonly name = 'configuration';
  readonly #configuration: StartingConfiguration;
  readonly #logger: Logger;
  #watch: FolderWatch | undefined;
  #isOther = false;

  constructor(configuration: StartingConfiguration, logger: Logger) {
    this.#configuration = configuration;
    this.#logger = logger;
  }

  /** Resolves once the file is watched. */
  async start(): Promise<void> {
    const { file } = this.#configuration;
    this.#watch = await watchFile(file, {
      changed: () => this.#look(),
      failed: (error) =>
        this.#logger.warn(
          { event: EVENTS.configWarned, file, err: error },
          `${file} cannot be watched: after a change, begin another rehearsal`,
        ),
    });
    this.#look();
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }

  /** Empty while the file is what the rehearsal began with. */
  get problems(): readonly string[] {
    const { file } = this.#configuration;
    return this.#isOther
      ? [`${file} has changed, and a rehearsal keeps the configuration that it began with: begin another one`]
      : [];
  }

  #look(): void {
    const { file, text, readText } = this.#configuration;
    const wasOther = this.#isOther;
    this.#isOther = readOrNothing(file, readText) !== text;
    if (!this.#isOther || wasOther) return;
    for (const problem of this.problems) this.#logger.warn({ event: EVENTS.configWarned, file }, problem);
  }
}

function readOrNothing(file: string, readText: StartingConfiguration['readText']): string | undefined {
  try {
    return readText(file);
  } catch {
    return undefined;
  }
}
