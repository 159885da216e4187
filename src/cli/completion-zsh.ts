import { everyCommand, type CommandFacts, type OptionFacts, type ValueFacts } from './command-tree.ts';
import { quoted, sourceOf } from './word-source.ts';

/** Completion for zsh 5: a function for each command, as `_arguments` wants them; to be installed as `_bootd`. */
export function zshCompletion(program: CommandFacts): string {
  return `#compdef bootd
# Completion of bootd for zsh, made by "bootd completion zsh".

_bootd_running() {
    local -a found
    found=(\${(f)"$(bootd completion --values $1 2>/dev/null)"})
    compadd -a found
}

${everyCommand(program).map(functionOf).join('\n')}
if [[ $funcstack[1] == _bootd ]]; then
    _bootd "$@"
else
    compdef _bootd bootd
fi
`;
}

function functionOf(command: CommandFacts): string {
  const name = functionName(command);
  const options = command.options.map(optionSpecification);
  if (command.commands.length === 0) {
    const places = command.arguments.map((argument, at) =>
      quoted(`${argument.variadic ? '*' : at + 1}:${message(argument.name)}:${actionOf(argument)}`),
    );
    return `${name}() {\n    _arguments -s ${[...options, ...places].map((one) => `\\\n        ${one}`).join(' ')}\n}\n`;
  }
  const children = command.commands.map((child) =>
    quoted(`${child.path.at(-1) ?? ''}:${message(child.description)}`),
  );
  const calls = command.commands.map(
    (child) => `            ${quoted(child.path.at(-1) ?? '')}) ${functionName(child)} ;;`,
  );
  return `${name}() {
    local context curcontext=$curcontext state line
    local -a commands
    commands=(${children.map((one) => `\n        ${one}`).join('')}
    )
    _arguments -s -C ${options.map((one) => `\\\n        ${one} `).join('')}\\
        '1: :->command' \\
        '*:: :->behind'
    case $state in
        command) _describe command commands ;;
        behind)
            case $words[1] in
${calls.join('\n')}
            esac ;;
    esac
}
`;
}

function functionName({ path }: CommandFacts): string {
  return `_${path.join('_')}`;
}

function optionSpecification({ short, long, value, description }: OptionFacts): string {
  const text = `[${description.replace(/[\\\]]/g, '\\$&')}]`;
  const behind = value === undefined ? '' : `:${message(value.name)}:${actionOf(value)}`;
  if (short === undefined) return quoted(`${long}${value === undefined ? '' : '='}${text}${behind}`);
  // In braces the shell makes two of it: the short one with its value behind it or in the next word, and the long one.
  const [shortEnd, longEnd] = value === undefined ? ['', ''] : ['+', '='];
  return `${quoted(`(${short} ${long})`)}{${short}${shortEnd},${long}${longEnd}}${quoted(`${text}${behind}`)}`;
}

function actionOf(value: ValueFacts): string {
  const source = sourceOf(value);
  switch (source.kind) {
    case 'words':
      return `(${source.words.join(' ')})`;
    case 'running':
      return `_bootd_running ${source.what}`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'free':
      return '';
  }
}

/** A colon would end the text. */
function message(text: string): string {
  return text.replace(/[\\:]/g, '\\$&');
}
