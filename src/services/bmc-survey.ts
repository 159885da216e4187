import { randomBytes } from 'node:crypto';
import { openBmcSocket, type BmcSocket } from '../io/bmc-socket.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import { PresenceSurvey, type BmcPresence, type SurveyAction } from '../ipmi/presence-survey.ts';
import type { BmcConnectionParts, BmcTarget } from './bmc-connection.ts';

/**
 * Asks who is at an address and how one may log in there, on a socket of its own, without a user or a password. Rejects
 * with IpmiError when nobody answers.
 */
export async function surveyBmc(
  { host, port }: Pick<BmcTarget, 'host' | 'port'>,
  parts: BmcConnectionParts,
): Promise<BmcPresence> {
  const socket = await openBmcSocket(host, port).catch((error: unknown) => {
    throw new IpmiError('unreachable', error instanceof Error ? error.message : String(error));
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<BmcPresence>((resolve, reject) => {
      const [octet = 0] = randomBytes(1);
      const survey = new PresenceSurvey(parts.retries, octet);
      const now = (): number => parts.clock.monotonic();
      const perform = (actions: readonly SurveyAction[]): void => {
        for (const action of actions) performOne(action, socket, parts, resolve, reject);
        clearTimeout(timer);
        if (survey.wakeAt === undefined) return;
        const delayMs = Math.max(0, Math.ceil(survey.wakeAt - now()));
        timer = setTimeout(() => perform(survey.wake(now())), delayMs);
      };
      socket.onDatagram((bytes) => perform(survey.receive(bytes, now())));
      socket.onError((error) => reject(new IpmiError('unreachable', error.message)));
      perform(survey.start(now()));
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function performOne(
  action: SurveyAction,
  socket: BmcSocket,
  { onIgnored }: BmcConnectionParts,
  resolve: (presence: BmcPresence) => void,
  reject: (error: IpmiError) => void,
): void {
  switch (action.kind) {
    case 'send':
      socket.send(action.datagram);
      break;
    case 'finished':
      resolve(action.presence);
      break;
    case 'failed':
      reject(action.error);
      break;
    case 'ignored':
      onIgnored?.(action.reason);
      break;
  }
}
