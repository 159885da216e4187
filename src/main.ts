import { runProgram, type ProgramEnvironment } from './cli/program.ts';

/**
 * The only file that knows the process: its arguments, environment, signals and exit code. What it lends to the
 * subcommands is in cli/command-context.ts.
 */
const environment: ProgramEnvironment = {
  terminal: {
    writeLine: (line) => void process.stdout.write(`${line}\n`),
    writeError: (line) => void process.stderr.write(`${line}\n`),
    write: (octets) => void process.stdout.write(octets),
    readKeys(keys) {
      const { stdin } = process;
      const onTyped = (octets: Uint8Array): void => keys.onTyped(octets);
      const onEnd = (): void => keys.onEnd();
      if (stdin.isTTY) stdin.setRawMode(true);
      stdin.on('data', onTyped).on('end', onEnd);
      return () => {
        stdin.off('data', onTyped).off('end', onEnd).pause();
        if (stdin.isTTY) stdin.setRawMode(false);
      };
    },
    decorated: process.stdout.isTTY && !process.env['NO_COLOR'],
  },
  platform: { node: process.version, name: `${process.platform} ${process.arch}` },
  process: { environment: process.env, pid: process.pid },
  untilStopSignal: () =>
    new Promise((resolve) => {
      // `once` gives the default back: whoever presses Ctrl-C twice does not want to wait.
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    }),
  onReloadSignal: (listener) => void process.on('SIGHUP', listener),
  onReportSignal: (listener) => void process.on('SIGUSR1', listener),
};

/** `bootd lease list | head` closes the pipe early: that is the reader's wish, no failure of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

/**
 * Node starts its debugger at this signal, which lets every user of the host who reaches 127.0.0.1:9229 run code in here; and
 * it is the one by which other daemons are asked to open their log files again.
 */
process.on('SIGUSR1', () => undefined);

process.exit(await runProgram(process.argv.slice(2), environment));
