import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ipv4FromNumber, parseIpv4, UNSPECIFIED_IPV4 } from '../../../src/addr/ipv4.ts';
import type { NetworkInterface } from '../../../src/io/network-interfaces.ts';
import {
  openInlineDataPlane,
  openWorkerDataPlane,
  type DataPlaneLinkListener,
} from '../../../src/services/tftp-data-plane-link.ts';
import { placeOfAddress, placesOfInterface } from '../../../src/services/tftp-places.ts';
import { fetchFile, openHandClient, option, startTftp, type RunningTftp } from './tftp-harness.ts';

const IMAGE = randomBytes(100_000);
const running: RunningTftp[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((tftp) => tftp.stop()));
});

const prepare = (root: string): void => writeFileSync(join(root, 'image'), IMAGE);

describe('a data plane that dies', () => {
  it('loses its transfers, says so, and another one takes its place', async () => {
    const listeners: DataPlaneLinkListener[] = [];
    const tftp = await startTftp({
      prepare,
      openDataPlane: (listener) => {
        listeners.push(listener);
        return openInlineDataPlane(listener);
      },
    });
    running.push(tftp);
    const client = await openHandClient(tftp.port);
    client.request('image', [option('blksize', 1024)]);
    await client.next();
    listeners[0]?.failed(new Error('a mistake of ours'));
    await vi.waitFor(() => expect(tftp.events).toMatchObject([{ result: 'stopped' }]));
    client.close();
    expect(tftp.log.find((line) => line['event'] === 'tftp.thread.failed')).toMatchObject({ level: 50 });

    // Meanwhile requests are lost, and no descriptor with them.
    const early = await openHandClient(tftp.port);
    early.request('image');
    await vi.waitFor(() => expect(tftp.events).toHaveLength(2));
    early.close();

    await vi.waitFor(() => expect(listeners).toHaveLength(2), { timeout: 5000 });
    await vi.waitFor(async () => {
      expect((await fetchFile(tftp.port, 'image', [option('windowsize', 8)])).bytes.equals(IMAGE)).toBe(true);
    });
  });

  it('answers the watchdog while it lives, is missed while it is silent, and not while another one is on its way', async () => {
    const listeners: DataPlaneLinkListener[] = [];
    let silent = false;
    const tftp = await startTftp({
      prepare,
      openDataPlane: (listener) => {
        listeners.push(listener);
        const link = openInlineDataPlane(listener);
        return {
          ...link,
          post: (message) => (silent && message.kind === 'ping' ? undefined : link.post(message)),
        };
      },
    });
    running.push(tftp);
    await tftp.service.answer();
    silent = true;
    const answered = vi.fn();
    void tftp.service.answer().then(answered);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).not.toHaveBeenCalled();
    listeners[0]?.failed(new Error('a mistake of ours'));
    await vi.waitFor(() => expect(answered).toHaveBeenCalledOnce());
    await tftp.service.answer();
  });

  it('is noticed when it is a thread', async () => {
    const failed = vi.fn();
    const link = openWorkerDataPlane({ message: () => undefined, failed });
    // What no message is: the thread throws.
    link.post(undefined as never);
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce(), { timeout: 10_000 });
    await link.terminate();
  });
});

describe('the places of an interface', () => {
  const subnet = { network: ipv4FromNumber(0xc0a8_0000), prefixLength: 24 };
  const address = (text: string): NetworkInterface['addresses'][number] => ({
    address: parseIpv4(text) ?? UNSPECIFIED_IPV4,
    subnet,
  });
  const wire = (...texts: string[]): NetworkInterface => ({
    name: 'br-prov',
    index: 7,
    mac: undefined,
    addresses: texts.map(address),
    mtu: 1500,
    link: 'up',
    loopback: false,
    ethernet: true,
  });

  it.each([
    ['no address', [], ['br-prov']],
    ['one address', ['192.168.0.1'], ['br-prov']],
    ['two', ['192.168.0.1', '192.168.0.5'], ['br-prov', 'br-prov (192.168.0.1)', 'br-prov (192.168.0.5)']],
  ])('with %s, where sockets can be tied to it', (_title, texts, descriptions) => {
    const places = placesOfInterface(wire(...texts), [], true, 69);
    expect(places.map(({ description }) => description)).toEqual(descriptions);
    expect(places.every(({ device }) => device === 'br-prov')).toBe(true);
    expect(places.map(({ sharesPort }) => sharesPort)).toEqual(descriptions.map((_, index) => index > 0));
  });

  it('are its addresses, where sockets cannot be tied to it', () => {
    const places = placesOfInterface(wire('192.168.0.1', '192.168.0.5'), [], false, 69);
    expect(places.map(({ description, device }) => [description, device])).toEqual([
      ['br-prov (192.168.0.1)', undefined],
      ['br-prov (192.168.0.5)', undefined],
    ]);
    expect(places.every(({ limitations }) => limitations.length === 1)).toBe(true);
    expect(() => placesOfInterface(wire(), [], false, 69)).toThrow(
      'cannot serve TFTP on br-prov: it has no address',
    );
  });

  it('are others after the interface was made anew', () => {
    const [before] = placesOfInterface(wire('192.168.0.1'), [], true, 69);
    const [after] = placesOfInterface({ ...wire('192.168.0.1'), index: 8 }, [], true, 69);
    expect(after?.key).not.toBe(before?.key);
  });
});

describe('the place of an address', () => {
  it.each([
    ['127.0.0.1', 'ipv4', 65_536],
    ['192.0.2.77', 'ipv4', 1500],
    ['2001:db8::1', 'ipv6', 1500],
  ] as const)('%s is %s with an MTU of %d', (text, family, mtu) => {
    expect(placeOfAddress(text)).toMatchObject({ family, mtu, description: text });
  });
});
