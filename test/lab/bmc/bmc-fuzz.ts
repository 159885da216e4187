import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getBootDevice, setBootDevice } from '../../../src/ipmi/boot-device.ts';
import { controlPower, getChassisStatus } from '../../../src/ipmi/chassis-commands.ts';
import type { Conversation } from '../../../src/ipmi/conversation.ts';
import { getDeviceId } from '../../../src/ipmi/device-id.ts';
import { listEventLog } from '../../../src/ipmi/event-log.ts';
import { IpmiError } from '../../../src/ipmi/ipmi-error.ts';
import { listSensors } from '../../../src/ipmi/sensors.ts';
import { PresenceSurvey } from '../../../src/ipmi/presence-survey.ts';
import { activateSerial, SerialConsole } from '../../../src/ipmi/serial-over-lan.ts';
import { IpmiSession, type SessionAction } from '../../../src/ipmi/session.ts';
import { WireError } from '../../../src/wire/wire-error.ts';
import { TestBmc } from './test-bmc.ts';

/** What a run of hostile controllers came to. */
export interface FuzzReport {
  /** Answers that the client was given. */
  readonly answers: number;
  readonly sessions: number;
  /** Sessions that came to be open in spite of all. */
  readonly opened: number;
  /** Conversations that ended well, and with an error of their own. */
  readonly finished: number;
  readonly failed: number;
  /** Octets of the heap at a tenth of the run and at its end, each after a collection. */
  readonly heap: readonly [early: number, late: number];
}

/** Events that one session may take; a session that takes more hangs. */
const MOST_EVENTS = 40_000;
const CONVERSATIONS: readonly (() => Conversation<unknown>)[] = [
  getDeviceId,
  getChassisStatus,
  getBootDevice,
  () => controlPower('on'),
  () => setBootDevice({ device: 'pxe', uefi: true, persistent: false, expires: false }, 0),
  () => listEventLog(20),
  () => listSensors(10),
  () => activateSerial(true),
];

/**
 * Plays sessions with controllers whose answers are changed on the way, or made up, until `answers` of them have been
 * given. Time is virtual and everything follows from the seed. Throws when the client does, or when a session does not end.
 */
export async function playHostileControllers(seed: number, answers: number): Promise<FuzzReport> {
  const random = generator(seed);
  const totals = { answers: 0, sessions: 0, opened: 0, finished: 0, failed: 0 };
  let early = 0;
  while (totals.answers < answers) {
    const outcome = random() < 0.1 ? playSurvey(random) : playSession(random);
    totals.answers += outcome.answers;
    totals.sessions += 1;
    totals.opened += outcome.opened ? 1 : 0;
    totals.finished += outcome.finished;
    totals.failed += outcome.failed;
    if (early === 0 && totals.answers > answers / 10) early = heapAfterCollection();
    // Controllers clean up after themselves between the turns of the event loop.
    if (totals.sessions % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { ...totals, heap: [early, heapAfterCollection()] };
}

/** One such session, out of a seed of its own. */
export function playHostileSession(seed: number): SessionOutcome {
  return playSession(generator(seed));
}

/** What became of one session. */
export interface SessionOutcome {
  readonly answers: number;
  readonly opened: boolean;
  readonly finished: number;
  readonly failed: number;
}

function playSession(random: () => number): SessionOutcome {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const replies: Buffer[] = [];
  const seen: Buffer[] = [];
  const suite = pick([0, 3, 16, 17]);
  const bmc = TestBmc.inMemory({ suites: [suite] }, (reply) => void replies.push(reply));
  const spoilContent = random() < 0.7;
  const execute = bmc.machine.execute.bind(bmc.machine);
  // What is signed and encrypted properly, and nonsense all the same.
  bmc.machine.execute = (...request) => {
    const answer = execute(...request);
    if (!spoilContent || random() < 0.5) return answer;
    const octets = spoil(Buffer.from(answer), random, seen).subarray(0, 120);
    return [random() < 0.7 ? 0 : (octets[0] ?? 0), ...octets.subarray(1)];
  };
  const spoilPackets = random() < 0.6;
  const octetsOf = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => random() * 256);
  const session = new IpmiSession({
    identity: {
      username: Buffer.from('admin'),
      password: Buffer.from('secret'),
      kg: undefined,
      privilege: 'administrator',
      cipherSuite: suite,
    },
    retries: { attempts: 3, firstTimeoutMs: 1000 },
    random: octetsOf,
  });
  const console = new SerialConsole({ mostCharacters: 60, port: 623 });

  let now = 0;
  let given = 0;
  let [opened, finished, failed] = [false, 0, 0];
  let conversation: Conversation<unknown> | undefined;
  let conversationsLeft = 6;
  const queue: SessionAction[] = [...session.open(now)];
  const advance = (step: () => IteratorResult<Parameters<IpmiSession['request']>[0], unknown>): void => {
    try {
      const next = step();
      if (next.done === true) {
        conversation = undefined;
        finished += 1;
      } else queue.push(...session.request(next.value, now));
    } catch (error) {
      if (!(error instanceof IpmiError)) throw error;
      conversation = undefined;
      failed += 1;
    }
  };

  for (let event = 0; event < MOST_EVENTS; event += 1) {
    const action = queue.shift();
    if (action !== undefined) {
      if (action.kind === 'send') bmc.take(Buffer.from(action.datagram));
      else if (action.kind === 'opened') opened = true;
      else if (action.kind === 'answered') advance(() => conversation!.next(action.response));
      else if (action.kind === 'serial') receiveSerial(console, action.payload, now);
      else if (action.kind === 'failed') return { answers: given, opened, finished, failed };
      continue;
    }
    const reply = replies.shift();
    if (reply !== undefined) {
      seen.push(reply);
      if (seen.length > 20) seen.shift();
      now += 1;
      given += 1;
      queue.push(
        ...session.receive(spoilPackets && random() < 0.3 ? spoil(reply, random, seen) : reply, now),
      );
      // Serial packets come from the same octets.
      if (random() < 0.1) receiveSerial(console, spoil(reply.subarray(0, 40), random, seen), now);
      continue;
    }
    if (session.isReady && conversation === undefined) {
      if (conversationsLeft === 0) return { answers: given, opened, finished, failed };
      conversationsLeft -= 1;
      const begun = pick(CONVERSATIONS)();
      conversation = begun;
      advance(() => begun.next());
      continue;
    }
    const { wakeAt } = session;
    if (wakeAt === undefined) return { answers: given, opened, finished, failed };
    now = Math.max(now, wakeAt);
    queue.push(...session.wake(now));
  }
  throw new Error(`a session with suite ${suite} did not end within ${MOST_EVENTS} events`);
}

/** A ping and what follows it, whose answers are spoiled as those of sessions are. */
function playSurvey(random: () => number): SessionOutcome {
  const replies: Buffer[] = [];
  const seen: Buffer[] = [];
  const bmc = TestBmc.inMemory({ suites: [0, 3, 16, 17] }, (reply) => void replies.push(reply));
  const survey = new PresenceSurvey({ attempts: 3, firstTimeoutMs: 1000 }, random() * 256);
  let [now, given] = [0, 0];
  const queue = [...survey.start(now)];
  for (let event = 0; event < MOST_EVENTS; event += 1) {
    const action = queue.shift();
    if (action?.kind === 'send') bmc.take(Buffer.from(action.datagram));
    else if (action?.kind === 'finished') {
      return { answers: given, opened: false, finished: 1, failed: 0 };
    } else if (action?.kind === 'failed') return { answers: given, opened: false, finished: 0, failed: 1 };
    if (action !== undefined) continue;
    const reply = replies.shift();
    if (reply === undefined) {
      now = survey.wakeAt ?? now;
      queue.push(...survey.wake(now));
      continue;
    }
    seen.push(reply);
    now += 1;
    given += 1;
    queue.push(...survey.receive(random() < 0.6 ? spoil(reply, random, seen) : reply, now));
  }
  throw new Error(`a survey did not end within ${MOST_EVENTS} events`);
}

function receiveSerial(console: SerialConsole, payload: Uint8Array, now: number): void {
  try {
    console.type(payload.subarray(0, 3), now);
    console.receive(payload, now);
    console.wake(now);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

/** Cuts, flips, overwrites, lengthens, exchanges or makes up. */
function spoil(octets: Buffer, random: () => number, seen: readonly Buffer[]): Buffer {
  const spoiled = Buffer.from(octets);
  const at = (): number => Math.floor(random() * Math.max(1, spoiled.length));
  switch (Math.floor(random() * 7)) {
    case 0:
      return spoiled.subarray(0, at());
    case 1:
      if (spoiled.length > 0) spoiled[at()]! ^= 1 << Math.floor(random() * 8);
      return spoiled;
    case 2:
      for (let count = random() * 6; count > 0; count -= 1)
        if (spoiled.length > 0) spoiled[at()] = random() * 256;
      return spoiled;
    case 3:
      return Buffer.concat([
        spoiled,
        Buffer.from(Array.from({ length: random() * 40 }, () => random() * 256)),
      ]);
    case 4:
      return seen[Math.floor(random() * seen.length)] ?? spoiled;
    case 5:
      if (spoiled.length > 0) spoiled[at()] = random() < 0.5 ? 0xff : 0;
      return spoiled;
    default:
      return Buffer.from(Array.from({ length: random() * 120 }, () => random() * 256));
  }
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let collect: (() => void) | undefined;

function heapAfterCollection(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}
