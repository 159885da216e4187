// @ts-check

import { formatDuration, formatOctets, visible } from './format.js';

/** @typedef {import('./site.js').WholeBoot} WholeBoot */
/** @typedef {WholeBoot['steps'][number]} Step */

/** The phases of a boot in their order, with what each means for people. */
export const PHASES = /** @type {const} */ ([
  ['power', 'power'],
  ['address', 'address'],
  ['boot-file', 'boot file'],
  ['loader', 'loader'],
  ['configuration', 'config'],
  ['kernel', 'kernel'],
  ['ramdisk', 'ramdisk'],
  ['system', 'system'],
]);

/**
 * The number of a phase, from 0 on.
 *
 * @param {string} phase
 */
export function phaseNumber(phase) {
  return PHASES.findIndex(([name]) => name === phase);
}

/**
 * One step in words.
 *
 * @typedef {object} StepText
 * @property {string} via DHCP, TFTP, HTTP.
 * @property {string} what What was asked for.
 * @property {string} outcome What came of it.
 * @property {'good' | 'bad' | 'running' | 'plain'} tone
 */

/**
 * @param {Step} step
 * @returns {StepText}
 */
export function describeStep(step) {
  const text = stepText(step);
  const times = step.count > 1 ? ` (${step.count} times)` : '';
  return { ...text, what: visible(text.what), outcome: visible(text.outcome + times) };
}

/**
 * @param {Step} step
 * @returns {StepText}
 */
function stepText(step) {
  const via = (step.via ?? 'dhcp').toUpperCase();
  switch (step.kind) {
    case 'dhcp':
      return dhcpText(step);
    case 'file':
      return fileText(step);
    case 'refusal': {
      const rule = step.rule === undefined ? '' : `rule ${step.rule} made it ${step.path ?? ''}; `;
      const outcome = `${rule}${step.message ?? 'refused'}`;
      return { via, what: step.requested ?? '', outcome, tone: step.role === 'loader' ? 'plain' : 'bad' };
    }
    case 'rendering-failed':
      return {
        via: 'FILE',
        what: step.path ?? '',
        outcome: `cannot be rendered: ${step.reason ?? ''}`,
        tone: 'bad',
      };
    case 'foreign-reply': {
      const outcome = `sent ${(step.message ?? '').toUpperCase()} ${step.address ?? ''}`.trimEnd();
      return { via, what: `another server, ${step.server ?? ''}`, outcome, tone: 'bad' };
    }
    case 'power': {
      const what = step.action === 'cycle' ? 'switched off and on again' : 'switched on';
      const outcome = `to boot from the network, start ${step.attempt ?? 1} of ${step.attempts ?? 1}`;
      return { via: 'BMC', what, outcome, tone: 'good' };
    }
    case 'conflict': {
      const holder = step.holder === undefined ? '' : ` by ${step.holder}`;
      return { via, what: step.address ?? '', outcome: `is in use${holder}`, tone: 'bad' };
    }
  }
}

/**
 * @param {Step} step
 * @returns {StepText}
 */
function dhcpText({ stage, question, reply, silence, server, address, objection, boot_file, next_server }) {
  const asked = QUESTIONS.get(question ?? '') ?? (question ?? '').toUpperCase();
  const what = `${asked} from ${STAGES.get(stage ?? '') ?? 'the machine'}`;
  if (reply === null || reply === undefined) {
    const chosen = server === undefined ? '' : ` (${server})`;
    return { via: 'DHCP', what, outcome: `no answer: ${silence ?? ''}${chosen}`, tone: 'bad' };
  }
  const file =
    boot_file === undefined ? undefined : `boot file ${boot_file} from ${next_server ?? 'this server'}`;
  const parts = [`${reply.toUpperCase()} ${address ?? ''}`.trimEnd(), objection, file];
  const outcome = parts.filter((part) => part !== undefined).join(', ');
  return { via: 'DHCP', what, outcome, tone: reply === 'nak' ? 'bad' : 'good' };
}

/**
 * @param {Step} step
 * @returns {StepText}
 */
function fileText({
  via,
  role,
  path,
  source,
  generation,
  ending,
  bytes,
  size,
  duration_ms,
  retransmissions,
  detail,
}) {
  const what = path ?? '';
  const rendered = generation === undefined ? 'rendered' : `rendered, generation ${generation}`;
  const origin = source === 'disk' ? [] : [source === 'fallback' ? "the site's default" : rendered];
  const again = retransmissions ? [`${retransmissions} packets sent again`] : [];
  const kind = role === undefined ? [] : [ROLES.get(role) ?? role];
  const head = { via: (via ?? '').toUpperCase(), what };
  if (ending === null || ending === undefined) {
    const share = size ? ` ${Math.floor((100 * (bytes ?? 0)) / size)} %` : '';
    const outcome = [...kind, ...origin, `on its way${share}`].join(', ');
    return { ...head, outcome, tone: 'running' };
  }
  const amount = `${formatOctets(bytes ?? 0)} in ${formatDuration(duration_ms ?? 0)}`;
  const words = [
    ...kind,
    ...origin,
    ENDINGS.get(ending) ?? ending,
    ...(ending === 'probed' ? [] : [amount]),
    ...again,
  ];
  const outcome = words.join(', ') + (detail === undefined ? '' : `: ${detail}`);
  return {
    ...head,
    outcome,
    tone: GOOD_ENDINGS.has(ending) ? 'good' : ending === 'probed' ? 'plain' : 'bad',
  };
}

/** The kinds of DHCPREQUEST (RFC 2131 section 4.3.2), as people call them. */
const QUESTIONS = new Map([
  ['selecting', 'REQUEST'],
  ['init-reboot', 'REQUEST (init-reboot)'],
  ['renewing', 'REQUEST (renewing)'],
  ['rebinding', 'REQUEST (rebinding)'],
]);

const STAGES = new Map([
  ['firmware', 'the firmware'],
  ['ipxe', 'iPXE'],
  ['system', 'the system'],
]);

const ROLES = new Map([['boot-file', 'boot file']]);

const GOOD_ENDINGS = new Set(['done', 'closed']);

const ENDINGS = new Map([
  ['done', 'sent whole'],
  ['probed', 'only its size was asked for'],
  ['closed', 'closed by the client'],
  ['aborted', 'given up by the client'],
  ['timeout', 'the client fell silent'],
  ['truncated', 'the file became shorter'],
  ['read-failed', 'could not be read'],
  ['replaced', 'the client asked anew'],
  ['stopped', 'bootd stopped or lost the interface'],
]);
