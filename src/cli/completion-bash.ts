import { everyCommand, type CommandFacts } from './command-tree.ts';
import { namesBelow, quoted, sourceOf, spellingsOf, type WordSource } from './word-source.ts';

/**
 * Completion for bash 4.4 and later, with and without the package bash-completion. The line is split by the script
 * itself, since bash splits MACs at their colons.
 */
export function bashCompletion(program: CommandFacts): string {
  const commands = everyCommand(program);
  return `# Completion of bootd for bash, made by "bootd completion bash".

# What stands behind the option $2 of the command $1; nothing for a switch.
_bootd_option() {
    case "$1 $2" in
${commands.flatMap(optionCases).join('\n')}
    esac
}

# What stands in the place $2, counted from 0, of the command $1.
_bootd_place() {
    case "$1 $2" in
${commands.flatMap(placeCases).join('\n')}
    esac
}

# The options of the command $1.
_bootd_options() {
    case "$1" in
${commands.map(({ path, options }) => `        ${quoted(path.join(' '))}) echo ${quoted(options.flatMap(spellingsOf).join(' '))} ;;`).join('\n')}
    esac
}

_bootd() {
    local line=\${COMP_LINE:0:COMP_POINT} path=bootd place=0 source= before= current word
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    current=\${words[-1]}
    unset 'words[-1]'
    for word in "\${words[@]:1}"; do
        if [[ -n $source ]]; then
            source=
            continue
        fi
        case "$path $word" in
            ${commandPaths(program).map(quoted).join(' | ')})
                path="$path $word" place=0 ;;
            *' -'*) [[ $word == *=* ]] || source=$(_bootd_option "$path" "$word") ;;
            *) ((place += 1)) ;;
        esac
    done
    if [[ -z $source && $current == --*=* ]]; then
        source=$(_bootd_option "$path" "\${current%%=*}")
        before=\${current%%=*}=
        current=\${current#*=}
    fi
    if [[ -z $source && -z $before ]]; then
        if [[ $current == -* ]]; then
            source="words $(_bootd_options "$path")"
        else
            source=$(_bootd_place "$path" "$place")
        fi
    fi
    COMPREPLY=()
    case $source in
        file)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        folder)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        'words '*)
            mapfile -t COMPREPLY < <(compgen -W "\${source#words }" -- "$current") ;;
        'running '*)
            mapfile -t COMPREPLY < <(compgen -W "$(bootd completion --values "\${source#running }" 2>/dev/null)" -- "$current") ;;
    esac
    # bash replaces what follows the last colon, or equals sign, only.
    [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("\${COMPREPLY[@]/#/$before}")
    [[ $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
    return 0
}

complete -F _bootd bootd
`;
}

/** Every command but the program itself. */
function commandPaths(program: CommandFacts): readonly string[] {
  return everyCommand(program)
    .slice(1)
    .map(({ path }) => path.join(' '));
}

function optionCases({ path, options }: CommandFacts): readonly string[] {
  return options.flatMap((option) => {
    if (option.value === undefined) return [];
    const patterns = spellingsOf(option).map((spelling) => quoted(`${path.join(' ')} ${spelling}`));
    return [`        ${patterns.join(' | ')}) echo ${quoted(sourceText(sourceOf(option.value)))} ;;`];
  });
}

function placeCases(command: CommandFacts): readonly string[] {
  const path = command.path.join(' ');
  if (command.commands.length > 0) {
    return [`        ${quoted(`${path} 0`)}) echo ${quoted(`words ${namesBelow(command).join(' ')}`)} ;;`];
  }
  return command.arguments.map((argument, place) => {
    const pattern = argument.variadic ? `${quoted(`${path} `)}*` : quoted(`${path} ${place}`);
    return `        ${pattern}) echo ${quoted(sourceText(sourceOf(argument)))} ;;`;
  });
}

function sourceText(source: WordSource): string {
  switch (source.kind) {
    case 'words':
      return `words ${source.words.join(' ')}`;
    case 'running':
      return `running ${source.what}`;
    case 'file':
    case 'folder':
    case 'free':
      return source.kind;
  }
}
