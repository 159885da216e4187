import { mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { ioErrorFrom } from '../io/io-error.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE } from './exit-code.ts';
import { readConfiguration } from './read-configuration.ts';
import { DROP_IN_MARK, describeServiceUnits, type UnitDropIn } from './service-units.ts';

interface UnitsOptions {
  readonly config: string;
  readonly write?: string;
}

/** An admin's own drop-ins have names of their own, and one that sorts behind this has the last word. */
const DROP_IN_FILE = '10-bootd.conf';

/** `bootd units`: fits the shipped systemd units to a configuration; systemd's generator for bootd calls it. */
export function unitsCommand(context: CommandContext): Command {
  return new Command('units')
    .description(
      'what systemd has to know of the configuration: drop-ins for the socket units and the service',
    )
    .requiredOption('-c, --config <file>', 'the configuration (bootd.yaml)')
    .option(
      '--write <folder>',
      'write the drop-ins below this folder, and remove those of an earlier run, instead of printing them',
    )
    .action((options: UnitsOptions) => {
      showUnits(options, context);
    });
}

function showUnits({ config, write: folder }: UnitsOptions, context: CommandContext): void {
  const { dropIns, remarks } = describeServiceUnits(readConfiguration(config).settings, resolve(config));
  for (const remark of remarks) context.terminal.writeError(`bootd: ${remark}`);
  if (folder === undefined) {
    const texts = dropIns.map((dropIn) => `# ${dropInPath(dropIn)}\n${dropIn.content}`);
    if (texts.length > 0) context.terminal.writeLine(texts.join('\n').trimEnd());
  } else {
    writeDropIns(folder, dropIns);
  }
  context.finish(EXIT_CODE.done);
}

function dropInPath({ unit }: UnitDropIn): string {
  return join(`${unit}.d`, DROP_IN_FILE);
}

/** Throws IoError. What was there before and is no longer wanted goes, if it was written here. */
function writeDropIns(folder: string, dropIns: readonly UnitDropIn[]): void {
  try {
    removeEarlier(folder);
    for (const dropIn of dropIns) {
      mkdirSync(join(folder, `${dropIn.unit}.d`), { recursive: true });
      writeFileSync(join(folder, dropInPath(dropIn)), dropIn.content);
    }
  } catch (error) {
    throw ioErrorFrom(`cannot write the drop-ins below ${folder}`, error);
  }
}

function removeEarlier(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!/^bootd(-(dhcp|tftp)@.+\.socket|\.service)\.d$/.test(name)) continue;
    const unitFolder = join(folder, name);
    const file = join(unitFolder, DROP_IN_FILE);
    if (!readdirSync(unitFolder).includes(DROP_IN_FILE)) continue;
    if (!readFileSync(file, 'utf8').startsWith(DROP_IN_MARK)) continue;
    rmSync(file);
    if (readdirSync(unitFolder).length === 0) rmdirSync(unitFolder);
  }
}
