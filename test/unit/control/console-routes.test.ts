import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ConsoleListener, PowerCommands } from '../../../src/control/power-commands.ts';
import { UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

const PATH = `/v1/nodes/${UUID}/console`;
const OCTETS = { 'content-type': 'application/octet-stream' };

let api: TestApi;
let port: number;
/** What was typed on consoles, all together. */
let typed: string;
let opened: number;
let open: number;
let listener: ConsoleListener;
/** A BMC takes its time. */
let login: () => Promise<void>;

beforeEach(async () => {
  [typed, opened, open] = ['', 0, 0];
  login = () => Promise.resolve();
  api = new TestApi();
  const power: Pick<PowerCommands, 'console'> = {
    console: async (_uuid, _takeOver, hears) => {
      opened += 1;
      await login();
      open += 1;
      listener = hears;
      let closed = false;
      return {
        type: (characters) => void (typed += Buffer.from(characters).toString()),
        close: () => {
          if (!closed) open -= 1;
          closed = true;
          return Promise.resolve();
        },
      };
    },
  };
  api.bmcs = power as PowerCommands;
  await api.open();
  ({ port } = await api.listen());
});

afterEach(() => api.close());

function post(headers: Record<string, string>): ClientRequest {
  const call = request({ port, host: '127.0.0.1', method: 'POST', path: PATH, headers });
  call.on('error', () => undefined);
  return call;
}

async function answerTo(call: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  return answer;
}

it('what is sent is typed, what is printed is the answer, and the end of one is that of the other', async () => {
  const call = post(OCTETS);
  call.write('root\r');
  const answer = await answerTo(call);
  let shown = '';
  answer.on('data', (octets: Buffer) => (shown += octets.toString()));
  listener.onOutput(Buffer.from('login: '));
  await vi.waitFor(() => expect([typed, shown]).toEqual(['root\r', 'login: ']));
  call.end();
  await once(answer, 'end');
  expect(open).toBe(0);
});

it('without a body it is only shown, until the client has enough', async () => {
  const call = post({});
  call.end();
  const answer = await answerTo(call);
  listener.onOutput(Buffer.from('login: '));
  const [octets] = (await once(answer, 'data')) as [Buffer];
  expect(octets.toString()).toBe('login: ');
  call.destroy();
  await vi.waitFor(() => expect(open).toBe(0));
});

it('a body of another type is refused before any BMC is asked', async () => {
  const { status, body } = await api.call('POST', PATH, {});
  expect([status, body]).toMatchObject([415, { code: 'unsupported-media-type' }]);
  expect(opened).toBe(0);
});

it('a client that is gone before the BMC has answered leaves no console open', async () => {
  let answerOfBmc: () => void = () => undefined;
  login = () => new Promise((resolve) => (answerOfBmc = resolve));
  const call = post(OCTETS);
  call.write('x');
  await vi.waitFor(() => expect(opened).toBe(1));
  call.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  answerOfBmc();
  await vi.waitFor(() => expect(open).toBe(1), { timeout: 500 }).catch(() => undefined);
  await vi.waitFor(() => expect(open).toBe(0));
});
