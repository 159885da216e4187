import { resolve } from 'node:path';
import { Command } from 'commander';
import { ConfigError, formatConfigProblem, type ConfigProblem } from '../config/config-error.ts';
import { sectionsWithoutInterfaces } from '../config/parse-config.ts';
import { ImportError } from '../import/source-place.ts';
import { IoError } from '../io/io-error.ts';
import { StoreError } from '../store/store.ts';
import { EVENTS } from '../telemetry/events.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import type { CommandContext, Terminal } from './command-context.ts';
import { SOCKET_VARIABLE } from './control-options.ts';
import { createDemoSite, type DemoSite } from './demo-site.ts';
import { EXIT_CODE, UsageError, type ExitCode } from './exit-code.ts';
import { readConfiguration, readText } from './read-configuration.ts';
import { runRehearsal, type RehearsalChoices } from './rehearse.ts';
import { giveToStateOwner } from './state-owner.ts';
import { programVersion } from './version.ts';

interface ServeOptions extends RehearsalChoices {
  readonly config?: string;
  readonly observe?: true;
  readonly demo?: true;
  readonly keep?: true;
  readonly verbose: number;
}

/** `bootd serve`: the daemon in the foreground. */
export function serveCommand(context: CommandContext): Command {
  return new Command('serve')
    .description('run the daemon in the foreground; JSON log lines on standard output')
    .option('-c, --config <file>', 'the configuration (bootd.yaml)')
    .option(
      '--observe',
      'answer nothing: listen beside another server, and report where the answers would have differed',
    )
    .option('--leases <file>', "with --observe: the other server's dhcpd.leases, to begin with")
    .option('--server <address>', 'with --observe: the server to compare with (default: the first one heard)')
    .option('--demo', 'serve an example on 127.0.0.1 from a private folder: no root, no configuration')
    .option('--keep', "leave the demo's folder behind")
    .option(
      '-v, --verbose',
      "log TFTP as in.tftpd does: requests (-v), refusals too (-vv), the map-file's steps too (-vvv)",
      more,
      0,
    )
    .action(async (options: ServeOptions) => context.finish(await serve(options, context)));
}

function more(_word: string, before: number): number {
  return before + 1;
}

async function serve(options: ServeOptions, context: CommandContext): Promise<ExitCode> {
  if (options.observe !== true && (options.leases !== undefined || options.server !== undefined)) {
    throw new UsageError('--leases and --server belong to --observe');
  }
  if (options.demo === true) {
    if (options.observe === true) throw new UsageError('--demo and --observe do not go together');
    if (options.config !== undefined)
      throw new UsageError('--demo brings its own configuration: leave out --config');
    return serveDemo(options, context);
  }
  if (options.keep === true) throw new UsageError('--keep belongs to --demo');
  if (options.config === undefined) {
    throw new UsageError('name a configuration with --config FILE, or try it out with --demo');
  }
  return runDaemon(options.config, options, context, undefined);
}

async function serveDemo(options: ServeOptions, context: CommandContext): Promise<ExitCode> {
  const site = await createDemoSite();
  try {
    return await runDaemon(site.configFile, options, context, site);
  } finally {
    if (options.keep === true) context.terminal.writeError(`The demo's files are left in ${site.folder}`);
    else site.remove();
  }
}

/** Runs until a signal comes. */
async function runDaemon(
  file: string,
  options: ServeOptions,
  context: CommandContext,
  demo: DemoSite | undefined,
): Promise<ExitCode> {
  const { settings, text, warnings } = readConfiguration(file);
  const homeless = sectionsWithoutInterfaces(settings);
  if (homeless.length > 0) {
    throw new UsageError(`'interfaces' names no wire to serve ${homeless.join(' and ')} on`);
  }
  const logger = createLogger(settings.logLevel);
  for (const problem of warnings) {
    logger.warn({ event: EVENTS.configWarned, ...placeOf(problem) }, formatConfigProblem(problem));
  }
  try {
    const configuration = { file: resolve(file), text, readText };
    if (options.observe === true) {
      return await runRehearsal(settings, configuration, options, logger, context);
    }
    // Before the start, so that a signal during it is not lost; and a start that hangs can be ended by it.
    const stopSignal = context.untilStopSignal();
    const { process } = context;
    // Not before it is needed: the house takes longer to load than any other subcommand takes to answer.
    const { startDaemon } = await import('../daemon.ts');
    const starting = startDaemon({
      settings,
      configuration,
      logger,
      tftpVerbosity: options.verbose,
      version: programVersion(),
      process,
    });
    const daemon = await Promise.race([starting, stopSignal]);
    if (typeof daemon === 'string') return EXIT_CODE.done;
    context.onReloadSignal(() => void daemon.reload());
    if (demo !== undefined) explainDemo(demo, context.terminal);
    await stopSignal;
    await daemon.stop();
    return EXIT_CODE.done;
  } catch (error) {
    return reportFailure(error, logger);
  } finally {
    // A rehearsal writes nothing there. Root that tried the daemon by hand must leave a store that the service can open.
    if (options.observe !== true) await giveToStateOwner(settings.stateDirectory);
  }
}

/** The message of a problem is the message of its log line. */
function placeOf({ file, line, column }: ConfigProblem): Omit<ConfigProblem, 'severity' | 'message'> {
  return { file, line, column };
}

/** Mistakes of a file, and what the system refuses, are told in a sentence; only a mistake of ours needs its stack. */
function reportFailure(error: unknown, logger: Logger): ExitCode {
  const event = EVENTS.daemonFailed;
  if (error instanceof UsageError || error instanceof ImportError) throw error;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) {
      logger.error({ event, ...placeOf(problem) }, formatConfigProblem(problem));
    }
    return EXIT_CODE.wrongUse;
  }
  if (error instanceof IoError || error instanceof StoreError) {
    logger.error({ event, code: error.code }, error.message);
  } else {
    logger.error({ event, err: error }, error instanceof Error ? error.message : String(error));
  }
  return EXIT_CODE.failed;
}

/** On standard error, so that standard output stays a log. */
function explainDemo(site: DemoSite, terminal: Terminal): void {
  const { socket, configFile } = site;
  terminal.writeError(`
bootd serves a demo on 127.0.0.1 from ${site.folder}. In another shell:

  export ${SOCKET_VARIABLE}=${socket}
  bootd node set bm1 --mac 0c:c4:7a:0e:2b:6b --kernel vmlinuz --ramdisk initrd.img --append console=ttyS0,115200
  bootd probe --config ${configFile} --mac 0c:c4:7a:0e:2b:6b
  bootd probe --config ${configFile} --mac 0c:c4:7a:0e:2b:6b --arch uefi-x64
  bootd lease list
  curl --unix-socket ${socket} http://bootd/v1/nodes
  curl http://127.0.0.1:${site.httpPort}/metrics

Ctrl-C ends it, and removes the folder unless --keep was given.
`);
}
