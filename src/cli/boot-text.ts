import { printable } from '../wire/visible-text.ts';
import { listOf, numberOf, recordOf, textOf } from './document.ts';
import { formatRecord } from './table.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A boot for people: who, how it stands, what to do, and every step with its time. */
export function formatBoot(boot: Fields): readonly string[] {
  const text = (name: string): string | undefined => textOf(boot[name]);
  const verdict = recordOf(boot['verdict']);
  const state = text('state');
  const head = formatRecord([
    ['boot', boot['probe'] === true ? `${text('id') ?? ''}, played by bootd probe` : text('id')],
    ['machine', text('mac')],
    ['node', text('node')],
    ['firmware', text('firmware')],
    ['address', text('address')],
    ['wire', text('relay') === undefined ? text('interface') : `relay ${text('relay') ?? ''}`],
    ['started', text('started_at')],
    ['state', `${state ?? ''}, phase ${text('phase') ?? ''}`],
    ['verdict', `${textOf(verdict['sentence']) ?? ''} [${textOf(verdict['code']) ?? ''}]`],
    ...(isWorthAdvice(verdict) ? adviceOf(verdict) : []),
    ...listOf(boot['notices']).map((notice) => {
      const { sentence, code } = recordOf(notice);
      return ['besides', `${textOf(sentence) ?? ''} [${textOf(code) ?? ''}]`] as const;
    }),
  ]);
  const start = Date.parse(text('started_at') ?? '');
  const console = listOf(boot['console']).map((line) => printable(`  | ${textOf(line) ?? ''}`));
  const omitted = numberOf(boot['omitted_steps']) ?? 0;
  return [
    ...head,
    '',
    ...listOf(boot['steps']).map((step) => formatStep(recordOf(step), start)),
    ...(omitted > 0 ? [`(${omitted} steps are left out of the middle)`] : []),
    ...(console.length > 0 ? ['', 'the last lines of its console:', ...console] : []),
  ];
}

/** One step on one line, its time counted from the beginning of the boot. */
export function formatStep(step: Fields, startedAt: number): string {
  const at = textOf(step['at']);
  const seconds = at === undefined ? NaN : (Date.parse(at) - startedAt) / 1000;
  const count = numberOf(step['count']) ?? 1;
  const times = count > 1 ? ` (${count} times)` : '';
  return printable(`${formatSeconds(seconds)}  ${describeStep(step)}${times}`);
}

function describeStep(step: Fields): string {
  const text = (name: string): string => textOf(step[name]) ?? '';
  switch (step['kind']) {
    case 'power': {
      const words = step['action'] === 'cycle' ? 'off and on again' : 'on';
      return `bmc   switched ${words}, start ${numberOf(step['attempt']) ?? 1} of ${numberOf(step['attempts']) ?? 1}`;
    }
    case 'dhcp':
      return describeDhcp(step);
    case 'file':
      return describeFile(step);
    case 'refusal': {
      const rule = numberOf(step['rule']);
      const became = rule === undefined ? '' : `, which rule ${rule} made ${text('path')}`;
      return `${text('via')}  ${text('requested')}${became}: ${text('message')} (${text('reason')})`;
    }
    case 'rendering-failed':
      return `error ${text('path')} could not be rendered: ${text('reason')}`;
    case 'foreign-reply':
      return `dhcp  another server, ${text('server')}, sent ${text('message').toUpperCase()} ${text('address')}`;
    case 'conflict':
      return `dhcp  ${text('address')} is in use${step['holder'] === undefined ? '' : ` by ${text('holder')}`}`;
    default:
      return text('kind');
  }
}

function describeDhcp(step: Fields): string {
  const text = (name: string): string | undefined => textOf(step[name]);
  const question = text('question') ?? '';
  const asked = `dhcp  ${text('stage') ?? ''}: ${QUESTIONS[question] ?? question.toUpperCase()}`;
  const reply = text('reply');
  if (reply === undefined) {
    const server = text('server');
    return `${asked}, no answer: ${text('silence') ?? ''}${server === undefined ? '' : ` (${server})`}`;
  }
  const parts = [`${reply.toUpperCase()} ${text('address') ?? ''}`.trimEnd(), text('objection')];
  const bootFile = text('boot_file');
  if (bootFile !== undefined)
    parts.push(`boot file ${bootFile} from ${text('next_server') ?? 'this server'}`);
  return `${asked}, ${parts.filter((part) => part !== undefined).join(', ')}`;
}

/** The three kinds of DHCPREQUEST, as people call them. */
const QUESTIONS: Readonly<Record<string, string>> = {
  selecting: 'REQUEST',
  'init-reboot': 'REQUEST (init-reboot)',
  renewing: 'REQUEST (renewing)',
};

function describeFile(step: Fields): string {
  const text = (name: string): string | undefined => textOf(step[name]);
  const number = (name: string): number => numberOf(step[name]) ?? 0;
  const name = `${text('via') ?? ''}  ${text('role') ?? ''}: ${text('path') ?? ''}`;
  const ending = text('ending');
  const generation = numberOf(step['generation']);
  const origin =
    text('source') === 'disk'
      ? ''
      : `, rendered${generation === undefined ? '' : ` (generation ${generation})`}`;
  if (ending === undefined) return `${name}${origin}, is being sent`;
  const again = number('retransmissions') === 0 ? '' : `, ${number('retransmissions')} packets sent again`;
  const detail = text('detail') === undefined ? '' : `: ${text('detail') ?? ''}`;
  const size = `${number('bytes')} octets in ${formatMilliseconds(number('duration_ms'))}`;
  return `${name}${origin}, ${ENDINGS[ending] ?? ending}, ${size}${again}${detail}`;
}

const ENDINGS: Readonly<Record<string, string>> = {
  done: 'sent whole',
  probed: 'only its size was asked for',
  closed: 'closed by the client',
  aborted: 'given up by the client',
  timeout: 'the client fell silent',
  truncated: 'the file became shorter',
  'read-failed': 'could not be read',
  replaced: 'the client asked anew',
  stopped: 'bootd stopped or lost the interface',
};

function isWorthAdvice(verdict: Fields): boolean {
  return !['under-way', 'booted', 'local-disk'].includes(textOf(verdict['code']) ?? '');
}

function adviceOf(verdict: Fields): readonly (readonly [string, string | undefined])[] {
  return [
    ['cause', textOf(verdict['cause'])],
    ['remedy', textOf(verdict['remedy'])],
  ];
}

function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(3).padStart(9)} s`;
}

function formatMilliseconds(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
