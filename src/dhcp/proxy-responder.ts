import { chooseBootFile, httpBootUrl, isUrl } from './boot-file-choice.ts';
import { composeReply, staySilent } from './compose-reply.ts';
import type { ReplyType, Outcome } from './outcome.ts';
import { chainAt, serverIdentifierOf, type Situation } from './situation.ts';

/**
 * `mode: proxy` (PXE 2.1 section 2.2.3): another server gives addresses. Boot ROMs that look for one get an offer without an
 * address that says what to load; everybody else, and every other message, is that server's business.
 */
export function respondAsProxy(situation: Situation): Outcome {
  const { kind } = situation.request;
  return kind === 'discover' ? bootReply(situation, 'offer') : staySilent(situation, 'not-for-boot-server');
}

/** Port 4011: a ROM that has its address asks a boot server what to load. */
export function respondAsBootServer(situation: Situation): Outcome {
  switch (situation.request.kind) {
    case 'renewing':
    case 'selecting':
    case 'init-reboot':
    case 'inform':
      return bootReply(situation, 'ack');
    case 'discover':
      return bootReply(situation, 'offer');
    case 'decline':
    case 'release':
    case 'bootp':
      return staySilent(situation, 'not-for-boot-server');
  }
}

function bootReply(situation: Situation, type: Extract<ReplyType, 'offer' | 'ack'>): Outcome {
  const { request, machine } = situation;
  const { firmware, kind, message } = request;
  const chain = kind === 'inform' ? chainAt(situation, message.ciaddr) : situation.chain;
  if (!firmware.isPxeClient && !firmware.isHttpClient) return staySilent(situation, 'not-for-boot-server');
  const httpRoot = httpBootUrl(situation.view.settings.httpBoot, serverIdentifierOf(situation, chain));
  const choice = chooseBootFile(chain, firmware, httpRoot);
  // An answer without a boot file would only keep the ROM from other servers'.
  const isOfUse = choice.kind === 'file' && (!firmware.isHttpClient || isUrl(choice.name));
  if (!isOfUse || machine.nodePort?.port.pxeEnabled === false) return staySilent(situation, 'no-boot-file');
  return composeReply(situation, {
    type,
    address: undefined,
    chain,
    leaseSeconds: undefined,
    changes: [],
    conflictCheck: undefined,
    asBootServer: true,
  });
}
