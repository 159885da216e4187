import { everyCommand, type CommandFacts, type OptionFacts, type ValueFacts } from './command-tree.ts';
import { sourceOf, spellingsOf } from './word-source.ts';

/** Completion for fish 3 and later. */
export function fishCompletion(program: CommandFacts): string {
  const commands = everyCommand(program);
  const paths = commands.slice(1).map(({ path }) => fishQuoted(path.join(' ')));
  const valued = commands.flatMap(({ path, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .flatMap((option) => spellingsOf(option).map((one) => fishQuoted(`${path.join(' ')} ${one}`))),
  );
  return `# Completion of bootd for fish, made by "bootd completion fish".

# The command that the line has come to, and how many arguments it has already.
function __bootd_place
    set -l path bootd
    set -l place 0
    set -l skip 0
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$path $word"
            case ${paths.join(' ')}
                set path "$path $word"
                set place 0
            case ${valued.join(' ')}
                set skip 1
            case '* -*'
            case '*'
                set place (math $place + 1)
        end
    end
    echo "$path $place"
end

function __bootd_at
    string match -q -- "$argv" (__bootd_place)
end

complete -c bootd -f
${commands.flatMap(linesOf).join('\n')}
`;
}

const FILES = '-F';

function linesOf(command: CommandFacts): readonly string[] {
  const path = command.path.join(' ');
  return [
    ...command.commands.map(
      (child) =>
        `complete -c bootd -n ${fishQuoted(`__bootd_at ${path} 0`)} -a ${fishQuoted(child.path.at(-1) ?? '')} -d ${fishQuoted(child.description)}`,
    ),
    ...command.arguments.map((argument, place) => {
      const pattern = argument.variadic ? `${path} \\*` : `${path} ${place}`;
      return `complete -c bootd -n ${fishQuoted(`__bootd_at ${pattern}`)} ${valueWords(argument)}`;
    }),
    ...command.options.map(
      (option) =>
        `complete -c bootd -n ${fishQuoted(`__bootd_at ${path} \\*`)} ${optionWords(option)} -d ${fishQuoted(option.description)}`,
    ),
  ];
}

function optionWords({ short, long, value }: OptionFacts): string {
  const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  if (value === undefined) return names;
  const words = valueWords(value);
  return words === FILES ? `${names} -r ${FILES}` : `${names} -x ${words}`.trimEnd();
}

function valueWords(value: ValueFacts): string {
  const source = sourceOf(value);
  switch (source.kind) {
    case 'words':
      return `-a ${fishQuoted(source.words.join(' '))}`;
    case 'running':
      return `-a ${fishQuoted(`(bootd completion --values ${source.what} 2>/dev/null)`)}`;
    case 'file':
      return FILES;
    case 'folder':
      return `-a '(__fish_complete_directories)'`;
    case 'free':
      return '';
  }
}

/** Between single quotes, where fish knows two escapes. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
