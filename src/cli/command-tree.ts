import type { Argument, Command, Option } from 'commander';

/** What a word of the command line stands for: the value of an option, or an argument of a command. */
export interface ValueFacts {
  /** As the help writes it, without brackets: `file`, `node`, `address|mac`. */
  readonly name: string;
  /** The words that it must be one of; undefined when it is free. */
  readonly choices: readonly string[] | undefined;
  readonly required: boolean;
  /** Whether it may be several words. */
  readonly variadic: boolean;
  readonly description: string;
}

/** An option of a command. */
export interface OptionFacts {
  /** `-c`, where it has one. */
  readonly short: string | undefined;
  readonly long: string;
  /** Undefined for a switch. */
  readonly value: ValueFacts | undefined;
  /** Whether the command does not work without it. */
  readonly mandatory: boolean;
  /** One clause, its choices and default included. */
  readonly description: string;
}

/** A command with all that hangs on it: what completions and manual pages are made of. */
export interface CommandFacts {
  /** From the program's own name on: `bootd`, `lease`, `list`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly OptionFacts[];
  readonly arguments: readonly ValueFacts[];
  readonly commands: readonly CommandFacts[];
  /** What its help says after everything else; empty as a rule. */
  readonly notes: string;
}

/** The tree below a command, as its help shows it: hidden commands and options are left out. */
export function describeCommand(command: Command, above: readonly string[] = []): CommandFacts {
  const path = [...above, command.name()];
  const help = command.createHelp();
  return {
    path,
    description: help.commandDescription(command),
    options: help.visibleOptions(command).map((option) => ({
      short: option.short,
      long: option.long ?? option.flags,
      value: valueOf(option),
      mandatory: option.mandatory,
      description: help.optionDescription(option),
    })),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      choices: argument.argChoices,
      required: argument.required,
      variadic: argument.variadic,
      description: argumentDescription(argument),
    })),
    // `help` can do nothing that --help cannot.
    commands: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => describeCommand(child, path)),
    notes: notesOf(command),
  };
}

/** A command and all that are below it, each before its own. */
export function everyCommand(facts: CommandFacts): readonly CommandFacts[] {
  return [facts, ...facts.commands.flatMap(everyCommand)];
}

function valueOf(option: Option): ValueFacts | undefined {
  const [, name] = /[<[]([^\]>]+?)(?:\.\.\.)?[\]>]/.exec(option.flags) ?? [];
  if (name === undefined) return undefined;
  return {
    name,
    choices: option.argChoices,
    required: option.required,
    variadic: option.variadic,
    description: option.description,
  };
}

function argumentDescription({ description, argChoices }: Argument): string {
  if (argChoices === undefined) return description;
  return `${description === '' ? '' : `${description}; `}one of ${argChoices.join(', ')}`;
}

/** What addHelpText('after') added: commander gives it only with the whole help. */
function notesOf(command: Command): string {
  const written: string[] = [];
  const output = command.configureOutput();
  const before = { ...output };
  command.configureOutput({ writeOut: (text) => void written.push(text) });
  command.outputHelp();
  command.configureOutput(before);
  return written.join('').slice(command.helpInformation().length).trim();
}
