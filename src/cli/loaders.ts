import { Command } from 'commander';
import { listBootFiles } from './boot-file-names.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE, UsageError, type ExitCode } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { installLoader, type LoaderReport } from './loader-install.ts';
import { readConfiguration } from './read-configuration.ts';
import { formatTable } from './table.ts';

interface InstallOptions {
  readonly config: string;
  readonly from: string;
  readonly force?: true;
  readonly json?: true;
}

/** `bootd loaders`: what the firmware loads first, out of the distribution's packages. */
export function loadersCommand(context: CommandContext): Command {
  return new Command('loaders')
    .description("the loaders that firmware starts, from the distribution's packages")
    .addCommand(installCommand(context));
}

function installCommand(context: CommandContext): Command {
  return new Command('install')
    .description(
      'copy the loaders that the configuration names (shim, GRUB, pxelinux, iPXE) into tftp.root, and say what is missing',
    )
    .requiredOption('-c, --config <file>', 'the configuration (bootd.yaml)')
    .option('--from <folder>', 'a tree of unpacked packages, or a folder with the loaders themselves', '/')
    .option('--force', 'replace files that are there and differ')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', HELP)
    .action(async (options: InstallOptions) => context.finish(await install(options, context)));
}

const HELP = `
Which loaders: those that filename and filename-by-arch name in any scope, under these names; for shim also the GRUB
that it loads from its own folder (grubx64.efi), for pxelinux its core module and the usual menus. Signed programs come
before unsigned ones.

Exit codes: 0 all of them are there, 1 none could be installed, 2 wrong use, 3 some are missing or were kept.`;

async function install(options: InstallOptions, { terminal }: CommandContext): Promise<ExitCode> {
  const { settings } = readConfiguration(options.config);
  const { tftp } = settings;
  if (tftp === undefined) throw new UsageError(`${options.config} has no tftp section, so there is no root`);
  const plan = { from: options.from, tftpRoot: tftp.root, force: options.force ?? false };
  const reports: LoaderReport[] = [];
  for (const bootFile of await listBootFiles(settings, tftp)) {
    for (const report of await installLoader(bootFile, plan)) {
      // Two boot files of one folder may share a part: ldlinux.c32, grubx64.efi.
      if (!reports.some(({ path }) => path === report.path)) reports.push(report);
    }
  }
  if (options.json === true) {
    terminal.writeLine(formatJson({ root: tftp.root, files: reports.map(documentOf) }));
  } else {
    const columns = [
      { title: 'FILE', cell: ({ path }: LoaderReport) => path },
      { title: 'STATE', cell: stateOf },
      { title: 'FROM', cell: ({ source }: LoaderReport) => source },
      { title: 'PACKAGE', cell: (report: LoaderReport) => report.package },
    ];
    for (const line of formatTable(columns, reports, terminal.decorated)) terminal.writeLine(line);
    for (const line of reports.flatMap(adviceFor)) terminal.writeError(line);
  }
  return exitCodeOf(reports);
}

function stateOf({ action, signed }: LoaderReport): string {
  return signed === false ? `${action}, not signed` : action;
}

/** What to do about a file that is not as it should be. */
function adviceFor({ path, action, source, required, signed, wanted }: LoaderReport): readonly string[] {
  const lines: string[] = [];
  if (action === 'missing') {
    const ways = wanted.map(({ distribution, packages }) => `${packages.join(' ')} (${distribution})`);
    lines.push(`${path} is missing: install ${ways.join(', or ')}`);
  } else if (action === 'unknown') {
    lines.push(`${path} is not there, and no package is known to bring it: put it there by hand`);
  } else if (action === 'kept' && source !== undefined) {
    lines.push(`${path} is there and differs from ${source}: it stays; --force replaces it`);
  }
  if (required && signed === false && (action === 'installed' || action === 'replaced')) {
    lines.push(`${path} is not signed: firmware with Secure Boot refuses it`);
  }
  return lines;
}

function documentOf(report: LoaderReport): Readonly<Record<string, unknown>> {
  const { path, action, required, source, package: packageName, signed, wanted } = report;
  return {
    path,
    action,
    required,
    source: source ?? null,
    package: packageName ?? null,
    signed: signed ?? null,
    wanted,
  };
}

function exitCodeOf(reports: readonly LoaderReport[]): ExitCode {
  const absent = reports.filter(({ action }) => action === 'missing' || action === 'unknown');
  if (absent.length > 0 && absent.length === reports.length) return EXIT_CODE.failed;
  const differs = reports.some(({ action, source }) => action === 'kept' && source !== undefined);
  return absent.length > 0 || differs ? EXIT_CODE.losses : EXIT_CODE.done;
}
