import { SOCKET_VARIABLE } from '../../src/cli/control-options.ts';
import {
  everyCommand,
  type CommandFacts,
  type OptionFacts,
  type ValueFacts,
} from '../../src/cli/command-tree.ts';
import { bold, escapeLiteral, escapeText, formatPage, italic, type Edition } from './roff.ts';

/** What is not in the program's own help; the words of every command and option are. */
const CLOSING = `.SH ENVIRONMENT
.TP
${bold(SOCKET_VARIABLE)}
The control socket that commands ask where neither ${bold('--socket')} nor ${bold('--config')} names one.
.TP
${bold('NO_COLOR')}
Whatever its value: nothing is decorated.
.TP
${bold('NOTIFY_SOCKET')}, ${bold('WATCHDOG_USEC')}, ${bold('LISTEN_FDS')}, ${bold('LISTEN_FDNAMES')}
From the service manager: readiness, the watchdog, and sockets that are handed over.
.SH SIGNALS
.TP
SIGTERM, SIGINT
End
${bold('bootd serve')} after transfers had two seconds; the second one ends it at once.
.TP
SIGHUP
Read again what can be read again.
.SH FILES
.TP
${italic('/etc/bootd/bootd.yaml')}
The configuration, see
.BR bootd.yaml (5).
.TP
${italic('/var/lib/bootd')}
Leases, nodes and boot profiles.
.TP
${italic('/run/bootd/control.sock')}
The control socket.
.SH SEE ALSO
.BR bootd.yaml (5),
.BR systemd.service (5),
.BR dhcpd.conf (5),
.BR in.tftpd (8)
`;

/** The manual page of the program, made of the same words as its help. */
export function programPage(edition: Edition, program: CommandFacts): string {
  const leaves = everyCommand(program).filter(({ commands }) => commands.length === 0);
  const body = [
    `.SH SYNOPSIS\n`,
    ...program.commands.map(synopsisLine),
    `.SH DESCRIPTION\n${escapeText(`${program.description}.`)}\n`,
    `.SH OPTIONS\n`,
    ...program.options.map(optionEntry),
    `.SH COMMANDS\n`,
    ...leaves.map(commandSection),
    formatNotes(program.notes).replace(/^\.PP\n/, '.SH EXIT STATUS\n'),
    CLOSING,
  ].join('');
  return formatPage(edition, { name: 'bootd', section: 8, summary: 'boot service for bare machines' }, body);
}

function synopsisLine({ path, commands, options, arguments: places }: CommandFacts, at: number): string {
  const below = commands.map((command) => bold(command.path.at(-1) ?? '')).join(' | ');
  const words = [
    bold(path.join(' ')),
    ...(commands.length > 0
      ? [below]
      : options.some(({ mandatory }) => mandatory)
        ? mandatoryWords(options)
        : []),
    ...(commands.length > 0 || options.length > 0 ? [`[${italic('options')}]`] : []),
    ...places.map(placeWord),
  ];
  return `${at === 0 ? '' : '.br\n'}${words.join(' ')}\n`;
}

function mandatoryWords(options: readonly OptionFacts[]): readonly string[] {
  return options.filter(({ mandatory }) => mandatory).map(spelling);
}

function commandSection({ path, description, arguments: places, options, notes }: CommandFacts): string {
  const title = [...path, ...places.map(plainPlace)].join(' ');
  return [
    `.SS "${escapeLiteral(title)}"\n${escapeText(sentence(description))}\n`,
    ...places
      .filter((place) => place.description !== '')
      .map((place) => `.TP\n${placeWord(place)}\n${escapeText(sentence(place.description))}\n`),
    ...options.filter(({ long }) => long !== '--help').map(optionEntry),
    formatNotes(notes),
  ].join('');
}

function optionEntry(option: OptionFacts): string {
  const names = option.short === undefined ? '' : `${bold(option.short)}, `;
  const required = option.mandatory ? ' Required.' : '';
  return `.TP\n${names}${spelling(option)}\n${escapeText(`${sentence(option.description)}${required}`)}\n`;
}

function spelling({ long, value }: OptionFacts): string {
  return value === undefined ? bold(long) : `${bold(long)} ${italic(value.name)}`;
}

function placeWord(place: ValueFacts): string {
  const word = `${italic(place.name)}${place.variadic ? '...' : ''}`;
  return place.required ? word : `[${word}]`;
}

function plainPlace({ name, variadic, required }: ValueFacts): string {
  const word = `${name.toUpperCase()}${variadic ? '...' : ''}`;
  return required ? word : `[${word}]`;
}

/** Help texts are clauses; the manual has sentences. */
function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.:]$/.test(whole) ? whole : `${whole}.`;
}

/** Paragraphs, and lines that are not broken where they begin with a word and a colon. */
function formatNotes(notes: string): string {
  if (notes === '') return '';
  return notes
    .split(/\n\n+/)
    .map((paragraph) => {
      const lines = paragraph.split('\n').map((line) => escapeText(line));
      const isList = lines.length > 1 && lines.every((line) => /^For \w+:/.test(line));
      return `.PP\n${lines.join(isList ? '\n.br\n' : '\n')}\n`;
    })
    .join('');
}
