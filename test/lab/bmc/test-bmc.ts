import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { BmcMachine, type CommandAnswer } from './bmc-machine.ts';

/** A request as a test BMC understood it, decrypted. */
export interface LoggedRequest {
  readonly netFn: number;
  readonly command: number;
  /** Hexadecimal. */
  readonly data: string;
  /** Undefined: outside of a session. */
  readonly user: string | undefined;
}

/** What goes wrong on the way; counts are of replies. */
export interface BmcFaults {
  /** Every nth reply is lost. */
  loseEvery?: number;
  /** Every nth reply comes twice. */
  doubleEvery?: number;
  /** Every nth reply comes this late, after what follows it. */
  lateEvery?: { readonly every: number; readonly ms: number };
  /** From this reply on it says nothing more. */
  silentAfter?: number;
  /** Changes a reply before it leaves: for hostile controllers. */
  change?: (reply: Buffer) => Buffer;
}

/** What a test BMC is made with. */
export interface TestBmcOptions {
  /** name, password and privilege (2 user, 3 operator, 4 administrator). */
  readonly users?: Readonly<
    Record<string, { readonly password: string; readonly privilege: number } | undefined>
  >;
  readonly suites?: readonly number[];
  /** Whether it lists its suites. */
  readonly listsSuites?: boolean;
  readonly kg?: Buffer;
  /** Speaks only IPMI 1.5. `strict`: and refuses to be asked for what version 2.0 adds. */
  readonly onlyIpmi15?: boolean | 'strict';
  /** Says nothing to presence pings. */
  readonly ignoresPings?: boolean;
  readonly mostSessions?: number;
  readonly address?: string;
  readonly port?: number;
  /** Sessions in which nothing was heard for so long are forgotten. */
  readonly idleMs?: number;
  readonly faults?: BmcFaults;
  /** Quirk: hashes the role without its lookup bit. */
  readonly hashesPrivilegeOnly?: boolean;
}

interface Suite {
  readonly id: number;
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
  readonly hash: 'sha1' | 'sha256' | undefined;
  readonly code: number;
}

const SUITES: readonly Suite[] = [
  { id: 0, authentication: 0, integrity: 0, confidentiality: 0, hash: undefined, code: 0 },
  { id: 3, authentication: 1, integrity: 1, confidentiality: 1, hash: 'sha1', code: 12 },
  { id: 16, authentication: 3, integrity: 4, confidentiality: 0, hash: 'sha256', code: 16 },
  { id: 17, authentication: 3, integrity: 4, confidentiality: 1, hash: 'sha256', code: 16 },
];

const DEFAULT_USERS: Readonly<
  Record<string, { readonly password: string; readonly privilege: number } | undefined>
> = {
  admin: { password: 'secret', privilege: 4 },
  operator: { password: 'oper', privilege: 3 },
  user: { password: 'view', privilege: 2 },
};

interface Session {
  readonly id: number;
  readonly consoleId: number;
  readonly suite: Suite;
  user: { name: string; password: Buffer; privilege: number } | undefined;
  role: number;
  consoleRandom: Buffer;
  bmcRandom: Buffer;
  who: Buffer;
  signKey: Buffer;
  cryptKey: Buffer;
  isOpen: boolean;
  privilege: number;
  sent: number;
  newest: number;
  seenAt: number;
  peer: RemoteInfo;
  serial: { sequence: number; waiting: Buffer | undefined } | undefined;
}

/** How a test BMC answers. */
interface Wire {
  port(): number;
  send(reply: Buffer, peer: RemoteInfo): void;
  close(): Promise<void>;
}

const NOBODY: RemoteInfo = { address: '127.0.0.1', port: 1, family: 'IPv4', size: 0 };

const RMCP = Buffer.from([6, 0, 0xff, 7]);
const GUID = Buffer.from('b00710b1e5d04b00a0e7000000000b3c', 'hex');
const SERIAL_OCTETS = 64;

/**
 * A management controller in this process: RMCP+ over UDP on a port of its own, a machine with boot flags, event log and
 * sensors behind it, serial over LAN, and faults on the way. It shares no code with the client, logs every request as
 * it was decrypted, and hundreds of them fit into one process.
 */
export class TestBmc {
  readonly machine = new BmcMachine();
  readonly requests: LoggedRequest[] = [];
  /** What became of sessions: `opened admin 17`, `unknown user`, `wrong password`, ... */
  readonly events: string[] = [];
  faults: BmcFaults;
  /** What was typed on its serial port. */
  typed = '';
  readonly #options: TestBmcOptions;
  readonly #wire: Wire;
  readonly #sessions = new Map<number, Session>();
  #replies = 0;
  #nextId = 0x0200_0001;
  #printing = Buffer.alloc(0);

  private constructor(options: TestBmcOptions, wire: Wire) {
    this.#options = options;
    this.#wire = wire;
    this.faults = options.faults ?? {};
  }

  /** A controller without a socket: it is given datagrams by `take`, and answers by `onReply`. */
  static inMemory(options: TestBmcOptions, onReply: (reply: Buffer, peer: RemoteInfo) => void): TestBmc {
    return new TestBmc(options, { port: () => 623, send: onReply, close: () => Promise.resolve() });
  }

  /** A datagram came. */
  take(datagram: Buffer, peer: RemoteInfo = NOBODY): void {
    try {
      this.#receive(datagram, peer);
    } catch {
      this.events.push('malformed datagram');
    }
  }

  static async start(options: TestBmcOptions = {}): Promise<TestBmc> {
    const socket = createSocket('udp4');
    const bmc = new TestBmc(options, {
      port: () => socket.address().port,
      send: (reply, { port, address }) => socket.send(reply, port, address, () => undefined),
      close: () => new Promise((resolve) => socket.close(() => resolve())),
    });
    socket.on('message', (datagram, peer) => bmc.take(datagram, peer));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(options.port ?? 0, options.address ?? '127.0.0.1', () => resolve());
    });
    return bmc;
  }

  get #isOld(): boolean {
    return this.#options.onlyIpmi15 !== undefined && this.#options.onlyIpmi15 !== false;
  }

  get port(): number {
    return this.#wire.port();
  }

  get sessionCount(): number {
    return [...this.#sessions.values()].filter((session) => session.isOpen).length;
  }

  /** Commands of a session, as `netfn/command data`, without what opens, closes and describes one. */
  commandLog(): readonly string[] {
    return this.requests
      .filter(({ user, netFn }) => user !== undefined && netFn !== 0x06 && netFn !== 0x2c)
      .map(({ netFn, command, data }) => `${netFn}/${command} ${data}`.trim());
  }

  stop(): Promise<void> {
    return this.#wire.close();
  }

  /** Forgets every session, as a controller that restarts. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  /** The machine prints on its serial port. */
  print(text: string): void {
    this.#printing = Buffer.concat([this.#printing, Buffer.from(text, 'latin1')]);
    for (const session of this.#sessions.values()) this.#printNext(session);
  }

  /** Ends serial over LAN from the controller's side. */
  endSerial(): void {
    for (const session of this.#sessions.values()) {
      if (session.serial === undefined) continue;
      this.#sendSealed(session, 1, Buffer.from([0, 0, 0, 0x10]));
      session.serial = undefined;
    }
  }

  #printNext(session: Session): void {
    const { serial } = session;
    if (serial === undefined || serial.waiting !== undefined || this.#printing.length === 0) return;
    serial.waiting = this.#printing.subarray(0, SERIAL_OCTETS);
    this.#printing = this.#printing.subarray(SERIAL_OCTETS);
    serial.sequence = (serial.sequence % 15) + 1;
    this.#sendCharacters(session, serial.sequence, 0);
  }

  /** Until the console acknowledges, within reason. */
  #sendCharacters(session: Session, sequence: number, attempt: number): void {
    const { serial } = session;
    if (serial?.waiting === undefined || serial.sequence !== sequence || attempt > 30) return;
    this.#sendSealed(session, 1, Buffer.concat([Buffer.from([sequence, 0, 0, 0]), serial.waiting]));
    setTimeout(() => this.#sendCharacters(session, sequence, attempt + 1), 100).unref();
  }

  #receive(datagram: Buffer, peer: RemoteInfo): void {
    if (datagram[0] !== 6) return;
    if (datagram[3] === 6) {
      if (this.#options.ignoresPings === true) return;
      const pong = [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x40, datagram[9] ?? 0, 0, 16, 0, 0, 0x11, 0xbe];
      this.#reply(Buffer.from([...pong, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]), peer);
      return;
    }
    if (datagram[4] === 0) {
      const answer = this.#answer(datagram.subarray(14, 14 + (datagram[13] ?? 0)), undefined);
      if (answer !== undefined) {
        this.#reply(
          Buffer.concat([RMCP, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, answer.length]), answer]),
          peer,
        );
      }
      return;
    }
    if (datagram[4] !== 6 || this.#isOld) return;
    const type = (datagram[5] ?? 0) & 0x3f;
    const body = datagram.subarray(16, 16 + datagram.readUInt16LE(14));
    const sessionId = datagram.readUInt32LE(6);
    if (type === 0x10) this.#openSession(body, peer);
    else if (type === 0x12) this.#rakp1(body, peer);
    else if (type === 0x14) this.#rakp3(body, peer);
    else if (type === 0 && sessionId === 0) {
      const answer = this.#answer(body, undefined);
      if (answer !== undefined) this.#clear(0, answer, peer);
    } else this.#inSession(datagram, type, peer);
  }

  #openSession(body: Buffer, peer: RemoteInfo): void {
    const offered = this.#options.suites ?? [3, 17];
    const suite = SUITES.find(
      ({ id, authentication, integrity, confidentiality }) =>
        offered.includes(id) &&
        body[12] === authentication &&
        body[20] === integrity &&
        body[28] === confidentiality,
    );
    const [tag = 0] = body;
    const refuse = (status: number): void =>
      this.#clear(0x11, Buffer.concat([Buffer.from([tag, status, 0, 0]), body.subarray(4, 8)]), peer);
    if (suite === undefined) {
      refuse(0x11);
      return;
    }
    if (this.#sessions.size >= (this.#options.mostSessions ?? 1000)) {
      refuse(0x01);
      return;
    }
    const id = this.#nextId++;
    const nothing = Buffer.alloc(0);
    this.#sessions.set(id, {
      id,
      suite,
      consoleId: body.readUInt32LE(4),
      user: undefined,
      role: 0,
      consoleRandom: nothing,
      bmcRandom: nothing,
      who: nothing,
      signKey: nothing,
      cryptKey: nothing,
      isOpen: false,
      privilege: 0,
      sent: 0,
      newest: 0,
      seenAt: Date.now(),
      peer,
      serial: undefined,
    });
    const ids = Buffer.alloc(8);
    body.copy(ids, 0, 4, 8);
    ids.writeUInt32LE(id, 4);
    this.#clear(0x11, Buffer.concat([Buffer.from([tag, 0, 4, 0]), ids, body.subarray(8, 32)]), peer);
  }

  #rakp1(body: Buffer, peer: RemoteInfo): void {
    const session = this.#sessions.get(body.readUInt32LE(4));
    const [tag = 0] = body;
    const refuse = (status: number, event: string): void => {
      this.events.push(event);
      if (session !== undefined) this.#sessions.delete(session.id);
      this.#clear(0x13, Buffer.from([tag, status, 0, 0, 0, 0, 0, 0]), peer);
    };
    if (session === undefined) {
      refuse(0x02, 'unknown session');
      return;
    }
    const name = body.toString('latin1', 28, 28 + (body[27] ?? 0));
    const known = (this.#options.users ?? DEFAULT_USERS)[name];
    if (known === undefined) {
      refuse(0x0d, 'unknown user');
      return;
    }
    const role = body[24] ?? 0;
    if ((role & 15) > known.privilege) {
      refuse(0x0a, 'role refused');
      return;
    }
    const hashedRole = this.#options.hashesPrivilegeOnly === true ? role & 15 : role;
    session.user = { name, password: Buffer.from(known.password), privilege: known.privilege };
    session.role = role & 15;
    session.consoleRandom = Buffer.from(body.subarray(8, 24));
    session.bmcRandom = randomBytes(16);
    session.who = Buffer.concat([Buffer.from([hashedRole, name.length]), Buffer.from(name, 'latin1')]);
    const { consoleRandom, bmcRandom, who } = session;
    const code = keyed(session.suite, session.user.password, [
      id(session.consoleId),
      id(session.id),
      consoleRandom,
      bmcRandom,
      GUID,
      who,
    ]);
    this.#clear(
      0x13,
      Buffer.concat([Buffer.from([tag, 0, 0, 0]), id(session.consoleId), bmcRandom, GUID, code]),
      peer,
    );
  }

  #rakp3(body: Buffer, peer: RemoteInfo): void {
    const session = this.#sessions.get(body.readUInt32LE(4));
    const [tag = 0, status] = body;
    if (session?.user === undefined) return;
    if (status !== 0) {
      this.events.push('console gave up');
      this.#sessions.delete(session.id);
      return;
    }
    const { suite, user, consoleRandom, bmcRandom, who } = session;
    if (!same(keyed(suite, user.password, [bmcRandom, id(session.consoleId), who]), body.subarray(8))) {
      this.events.push('wrong password');
      this.#sessions.delete(session.id);
      this.#clear(0x15, Buffer.concat([Buffer.from([tag, 0x0f, 0, 0]), id(session.consoleId)]), peer);
      return;
    }
    const key = keyed(suite, this.#options.kg ?? user.password, [consoleRandom, bmcRandom, who]);
    session.signKey = keyed(suite, key, [Buffer.alloc(20, 1)]);
    session.cryptKey = keyed(suite, key, [Buffer.alloc(20, 2)]).subarray(0, 16);
    const check = keyed(suite, key, [consoleRandom, id(session.id), GUID]).subarray(0, suite.code);
    if (!session.isOpen) this.events.push(`opened ${user.name} ${suite.id}`);
    session.isOpen = true;
    session.privilege = 2;
    this.#clear(0x15, Buffer.concat([Buffer.from([tag, 0, 0, 0]), id(session.consoleId), check]), peer);
  }

  #inSession(datagram: Buffer, type: number, peer: RemoteInfo): void {
    const session = this.#sessions.get(datagram.readUInt32LE(6));
    if (session?.isOpen !== true) return;
    if (Date.now() - session.seenAt > (this.#options.idleMs ?? 60_000)) {
      this.#sessions.delete(session.id);
      this.events.push('session timed out');
      return;
    }
    const { suite } = session;
    const end = datagram.length - suite.code;
    const code = keyed(suite, session.signKey, [datagram.subarray(4, end)]).subarray(0, suite.code);
    const flags = (datagram[5] ?? 0) & 0xc0;
    const wanted = (suite.confidentiality === 0 ? 0 : 0x80) | (suite.code === 0 ? 0 : 0x40);
    if (flags !== wanted || !same(code, datagram.subarray(end))) {
      this.events.push('bad packet');
      return;
    }
    const sequence = datagram.readUInt32LE(10);
    if (sequence <= session.newest - 16 || sequence === session.newest) {
      this.events.push('stale sequence number');
      return;
    }
    session.newest = Math.max(session.newest, sequence);
    session.seenAt = Date.now();
    session.peer = peer;
    const payload = this.#decrypt(session, datagram.subarray(16, 16 + datagram.readUInt16LE(14)));
    if (type === 1) {
      this.#serial(session, payload);
      return;
    }
    const answer = this.#answer(payload, session);
    if (answer !== undefined) this.#sendSealed(session, 0, answer);
  }

  #serial(session: Session, payload: Buffer): void {
    const { serial } = session;
    if (serial === undefined) return;
    const [sequence = 0, acknowledged = 0] = payload;
    if (acknowledged !== 0 && acknowledged === serial.sequence) {
      serial.waiting = undefined;
      this.#printNext(session);
    }
    if (sequence === 0) return;
    const characters = payload.subarray(4);
    if (((payload[3] ?? 0) & 0x10) !== 0) this.typed += '<break>';
    // One that comes again was acknowledged in vain.
    if (sequence !== this.#lastTyped) this.typed += characters.toString('latin1');
    this.#lastTyped = sequence;
    this.#sendSealed(session, 1, Buffer.from([0, sequence, characters.length, 0]));
  }

  #lastTyped = 0;

  #answer(message: Buffer, session: Session | undefined): Buffer | undefined {
    if (message.length < 7 || sum(message.subarray(0, 2)) !== message[2]) return undefined;
    if (sum(message.subarray(3, -1)) !== message[message.length - 1]) return undefined;
    const netFn = (message[1] ?? 0) >> 2;
    const command = message[5] ?? 0;
    const data = message.subarray(6, -1);
    this.requests.push({ netFn, command, data: data.toString('hex'), user: session?.user?.name });
    const answer = this.#execute(netFn, command, data, session);
    const head = Buffer.from([message[3] ?? 0, ((netFn | 1) << 2) | ((message[4] ?? 0) & 3)]);
    const tail = Buffer.from([message[0] ?? 0, message[4] ?? 0, command, ...answer]);
    return Buffer.concat([head, Buffer.from([sum(head)]), tail, Buffer.from([sum(tail)])]);
  }

  #execute(netFn: number, command: number, data: Buffer, session: Session | undefined): CommandAnswer {
    const { kg, onlyIpmi15, suites = [3, 17], listsSuites = true } = this.#options;
    if (netFn === 6 && command === 0x38) {
      if (onlyIpmi15 === 'strict' && ((data[0] ?? 0) & 0x80) !== 0) return [0xcc];
      const rmcpPlus = !this.#isOld && ((data[0] ?? 0) & 0x80) !== 0;
      return [0, 1, rmcpPlus ? 0x84 : 0x04, kg === undefined ? 4 : 0x24, rmcpPlus ? 3 : 0, 0, 0, 0, 0];
    }
    if (netFn === 6 && command === 0x54) {
      if (!listsSuites) return [0xc1];
      const records = SUITES.filter((suite) => suites.includes(suite.id)).flatMap((suite) => [
        ...[0xc0, suite.id, suite.authentication],
        ...(suite.integrity === 0 ? [] : [0x40 | suite.integrity]),
        ...(suite.confidentiality === 0 ? [] : [0x80 | suite.confidentiality]),
      ]);
      const from = ((data[2] ?? 0) & 0x3f) * 16;
      return [0, 1, ...records.slice(from, from + 16)];
    }
    if (session === undefined) return [0xd4];
    if (netFn === 6 && command === 0x3b) {
      const wanted = (data[0] ?? 0) & 15;
      if (wanted > Math.min(session.role, session.user?.privilege ?? 0)) return [0x81];
      session.privilege = wanted === 0 ? session.privilege : wanted;
      return [0, session.privilege];
    }
    if (netFn === 6 && command === 0x3c) {
      setImmediate(() => this.#sessions.delete(session.id));
      return [0];
    }
    if (netFn === 6 && command === 0x48) {
      if ([...this.#sessions.values()].some(({ serial }) => serial !== undefined)) return [0x80];
      session.serial = { sequence: 0, waiting: undefined };
      setImmediate(() => this.#printNext(session));
      return [0, 0, 0, 0, 0, 0xc8, 0, 0xc8, 0, this.port & 0xff, this.port >> 8, 0xff, 0xff];
    }
    if (netFn === 6 && command === 0x49) {
      const active = [...this.#sessions.values()].filter(({ serial }) => serial !== undefined);
      for (const one of active) one.serial = undefined;
      return [active.length === 0 ? 0x80 : 0];
    }
    return this.machine.execute(netFn, command, data, session.privilege);
  }

  #decrypt(session: Session, payload: Buffer): Buffer {
    if (session.suite.confidentiality === 0) return payload;
    const decipher = createDecipheriv('aes-128-cbc', session.cryptKey, payload.subarray(0, 16));
    const clear = Buffer.concat([
      decipher.setAutoPadding(false).update(payload.subarray(16)),
      decipher.final(),
    ]);
    return clear.subarray(0, clear.length - 1 - (clear[clear.length - 1] ?? 0));
  }

  #sendSealed(session: Session, type: number, payload: Buffer): void {
    const { suite } = session;
    let body = payload;
    if (suite.confidentiality !== 0) {
      const iv = randomBytes(16);
      const count = (16 - ((payload.length + 1) % 16)) % 16;
      const padding = Buffer.from([...Array.from({ length: count }, (_, at) => at + 1), count]);
      const cipher = createCipheriv('aes-128-cbc', session.cryptKey, iv).setAutoPadding(false);
      body = Buffer.concat([iv, cipher.update(Buffer.concat([payload, padding])), cipher.final()]);
    }
    session.sent += 1;
    const header = Buffer.alloc(12);
    header[0] = 6;
    header[1] = type | (suite.confidentiality === 0 ? 0 : 0x80) | (suite.code === 0 ? 0 : 0x40);
    header.writeUInt32LE(session.consoleId, 2);
    header.writeUInt32LE(session.sent, 6);
    header.writeUInt16LE(body.length, 10);
    if (suite.code === 0) {
      this.#reply(Buffer.concat([RMCP, header, body]), session.peer);
      return;
    }
    const pad = (4 - ((header.length + body.length + 2) % 4)) % 4;
    const signed = Buffer.concat([header, body, Buffer.alloc(pad, 0xff), Buffer.from([pad, 7])]);
    const code = keyed(suite, session.signKey, [signed]).subarray(0, suite.code);
    this.#reply(Buffer.concat([RMCP, signed, code]), session.peer);
  }

  #clear(type: number, payload: Buffer, peer: RemoteInfo): void {
    const header = Buffer.alloc(12);
    header[0] = 6;
    header[1] = type;
    header.writeUInt16LE(payload.length, 10);
    this.#reply(Buffer.concat([RMCP, header, payload]), peer);
  }

  #reply(octets: Buffer, peer: RemoteInfo): void {
    this.#replies += 1;
    const { loseEvery, doubleEvery, lateEvery, silentAfter, change } = this.faults;
    if (silentAfter !== undefined && this.#replies > silentAfter) return;
    if (loseEvery !== undefined && this.#replies % loseEvery === 0) return;
    const changed = change?.(octets) ?? octets;
    const send = (): void => {
      // Whoever asked may have gone, and this controller been stopped.
      try {
        this.#wire.send(changed, peer);
      } catch {
        this.events.push('reply after the end');
      }
    };
    if (lateEvery !== undefined && this.#replies % lateEvery.every === 0)
      setTimeout(send, lateEvery.ms).unref();
    else send();
    if (doubleEvery !== undefined && this.#replies % doubleEvery === 0) send();
  }
}

function keyed(suite: Suite, key: Buffer, parts: readonly Buffer[]): Buffer {
  return suite.hash === undefined
    ? Buffer.alloc(0)
    : createHmac(suite.hash, key).update(Buffer.concat(parts)).digest();
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function id(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
}

function sum(octets: Buffer): number {
  return -octets.reduce((total, octet) => total + octet, 0) & 0xff;
}
