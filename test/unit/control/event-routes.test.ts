import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestApi } from './api.ts';

let api: TestApi;
const open: IncomingMessage[] = [];
beforeEach(async () => {
  api = new TestApi();
  await api.open();
});
afterEach(async () => {
  await api.events.stop();
  for (const stream of open.splice(0)) stream.destroy();
  await api.close();
});

interface Follower {
  readonly stream: IncomingMessage;
  text(): string;
}

async function follow(search = '', headers: Record<string, string> = {}): Promise<Follower> {
  const address: AddressInfo = await api.listen();
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request({ port: address.port, path: `/v1/events${search}`, headers }, resolve);
    call.on('error', reject);
    call.end();
  });
  open.push(stream);
  stream.on('error', () => undefined);
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  return { stream, text: () => text };
}

describe('GET /v1/events', () => {
  it('tells what happens, as it happens, to everybody', async () => {
    const [one, other] = [await follow(), await follow()];
    expect(one.stream.headers['content-type']).toBe('text/event-stream');
    let made = 0;
    api.events.publish('lease', () => ({ address: '192.168.0.128', made: ++made }));
    const expected = 'id: run-1\nevent: lease\ndata: {"address":"192.168.0.128","made":1}\n\n';
    await vi.waitFor(() => expect(one.text()).toContain(expected));
    await vi.waitFor(() => expect(other.text()).toContain(expected));
  });

  it('makes no document while nobody listens', () => {
    api.events.publish('lease', () => {
      throw new Error('was made');
    });
  });

  it('tells only of what was asked for', async () => {
    const follower = await follow('?types=boot,health');
    api.events.publish('lease', () => 1);
    api.events.publish('boot', () => 2);
    await vi.waitFor(() => expect(follower.text()).toContain('event: boot'));
    expect(follower.text()).not.toContain('event: lease');
    expect(await api.call('GET', '/v1/events?types=boots')).toMatchObject({
      status: 400,
      body: { code: 'invalid-query' },
    });
  });

  it('gives what was missed to whoever comes back', async () => {
    for (const number of [1, 2, 3]) api.events.publish('node', () => ({ number }));
    const follower = await follow('', { 'last-event-id': 'run-1' });
    await vi.waitFor(() => expect(follower.text()).toContain('"number":3'));
    expect(follower.text()).toContain('"number":2');
    expect(follower.text()).not.toMatch(/gap|"number":1/);
  });

  it.each(['run-1', 'other-5', 'nonsense'])('says that there is a gap after %s', async (id) => {
    for (let number = 0; number < 5000; number += 1) api.events.publish('node', () => ({ number }));
    const follower = await follow('', { 'last-event-id': id });
    await vi.waitFor(() => expect(follower.text()).toContain('"number":4999'));
    expect(follower.text()).toContain('event: gap');
  });

  it('leaves a client that does not read', async () => {
    const slow = await follow();
    slow.stream.pause();
    const closed = new Promise((resolve) => slow.stream.on('close', resolve));
    const text = 'x'.repeat(100_000);
    for (let number = 0; number < 200; number += 1) api.events.publish('node', () => text);
    slow.stream.resume();
    await closed;
    expect(slow.text().length).toBeLessThan(200 * text.length);
  });

  it('tells of health when it changes', async () => {
    const follower = await follow();
    api.health = [{ name: 'templates', ok: false, problems: ['grub.tmpl:3: expected a value'] }];
    await vi.waitFor(() => expect(follower.text()).toContain('event: health'), { timeout: 10_000 });
    expect(follower.text()).toContain('{"ready":false');
  });

  it('ends with the daemon', async () => {
    const follower = await follow();
    const ended = new Promise((resolve) => follower.stream.on('end', resolve));
    await api.events.stop();
    await ended;
  });
});

describe('a method that a path does not have', () => {
  it('is 405 with those that it has', async () => {
    expect(await api.call('PUT', '/v1/boots/abc?x=1', {})).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
      body: { code: 'method-not-allowed' },
    });
    expect((await api.call('PUT', '/v1/boots/abc/steps', {})).status).toBe(404);
  });
});
