import { describe, expect, it } from 'vitest';
import type { BmcPresence } from '../../../src/ipmi/presence-survey.ts';
import { PresenceSurvey } from '../../../src/ipmi/presence-survey.ts';
import { TestBmc, type TestBmcOptions } from '../../lab/bmc/test-bmc.ts';

/** What came of a survey, and how it went; time is virtual. */
interface Outcome {
  readonly presence: BmcPresence | undefined;
  readonly code: string | undefined;
  readonly sent: number;
  readonly ignored: readonly string[];
  readonly endedAt: number;
}

const RETRIES = { attempts: 4, firstTimeoutMs: 1000 };

/** Plays a survey against a controller; `disturb` is what arrives instead of each reply. */
function survey(
  options: TestBmcOptions | undefined,
  disturb: (reply: Buffer) => readonly Buffer[] = (reply) => [reply],
): Outcome {
  const replies: Buffer[] = [];
  const bmc = options && TestBmc.inMemory(options, (reply) => void replies.push(...disturb(reply)));
  const machine = new PresenceSurvey(RETRIES, 255);
  const ignored: string[] = [];
  let [now, sent] = [0, 0];
  const actions = [...machine.start(now)];
  for (let event = 0; event < 200; event += 1) {
    const action = actions.shift();
    if (action === undefined) {
      const reply = replies.shift();
      now = reply === undefined ? (machine.wakeAt ?? now) : now + 7;
      actions.push(...(reply === undefined ? machine.wake(now) : machine.receive(reply, now)));
      continue;
    }
    if (action.kind === 'send') {
      sent += 1;
      bmc?.take(Buffer.from(action.datagram));
    } else if (action.kind === 'ignored') ignored.push(action.reason);
    else {
      const presence = action.kind === 'finished' ? action.presence : undefined;
      const code = action.kind === 'failed' ? action.error.code : undefined;
      return { presence, code, sent, ignored, endedAt: now };
    }
  }
  throw new Error('the survey did not end');
}

describe('a survey of what there is at an address', () => {
  it('finds ping, IPMI 2.0 and the suites, and which of them is taken', () => {
    const { presence, sent, endedAt } = survey({ suites: [0, 3, 16, 17] });
    expect(presence).toEqual({
      pong: {
        ...{ tag: 0, enterprise: 4542, oemDefined: 0, ipmi: true, asfVersion: 1 },
        ...{ securityExtensions: false, dash: false, roundTripMs: 7 },
      },
      login: {
        ...{ ipmi20: true, ipmi15: true, authenticationTypes: ['md5'], kgIsSet: false },
        ...{ namedUsers: true, namelessUsers: false, anonymousLogin: false },
      },
      suites: [0, 3, 16, 17],
      suite: 17,
    });
    // The list of suites has two parts.
    expect([sent, endedAt]).toEqual([4, 28]);
  });

  it.each([
    [{ kg: Buffer.from('k') }, { login: { kgIsSet: true } }],
    [{ suites: [0, 16] }, { suites: [0, 16], suite: undefined }],
    [{ listsSuites: false }, { suites: [], suite: undefined, login: { ipmi20: true } }],
    [{ onlyIpmi15: true }, { suites: [], login: { ipmi20: false, ipmi15: true } }],
    [{ onlyIpmi15: 'strict' }, { suites: [], login: { ipmi20: false, ipmi15: true } }],
    [{ ignoresPings: true }, { pong: undefined, login: { ipmi20: true }, suite: 17 }],
  ] as const)('of a controller with %j', (options, expected) => {
    expect(survey(options).presence).toMatchObject(expected);
  });

  it('asks again what is lost, and takes no answer of another question', () => {
    let count = 0;
    const lossy = survey({}, (reply) => ((count += 1) % 2 === 1 ? [] : [reply]));
    expect(lossy.presence).toMatchObject({ pong: { ipmi: true }, suite: 17 });
    expect(lossy.sent).toBeGreaterThan(4);
    const wrongTag = survey({}, (reply) => {
      if (reply[3] === 6) reply[9] = 99;
      return [reply];
    });
    expect(wrongTag.presence).toMatchObject({ pong: undefined, suite: 17 });
    expect(wrongTag.ignored).toContain('unexpected');
    const noisy = survey({}, (reply) => [Buffer.from('nonsense'), reply, reply]);
    expect(noisy.presence).toMatchObject({ pong: { ipmi: true }, suite: 17 });
    expect(noisy.ignored).toContain('bad-field');
  });

  it('is a pong alone where IPMI is silent, and fails where nobody answers', () => {
    const asfOnly = survey({}, (reply) => (reply[3] === 6 ? [reply] : []));
    expect(asfOnly.presence).toMatchObject({ pong: { ipmi: true }, login: undefined, suites: [] });
    // Two pings and four questions, each further wait half as long again.
    expect(survey(undefined)).toMatchObject({ code: 'no-answer', sent: 6, endedAt: 2500 + 8125 });
  });
});
