import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import type { NodeUuid } from '../../../src/boot/node.ts';
import { openWorkerDataPlane } from '../../../src/services/tftp-data-plane-link.ts';
import { encodeTftpError } from '../../../src/wire/tftp/tftp-packet.ts';
import {
  fetchFile,
  openHandClient,
  option,
  startTftp,
  type HandClient,
  type HarnessOptions,
  type RunningTftp,
} from './tftp-harness.ts';

/** For what the kernel tells of a file, on a busy machine. */
const PATIENCE = { timeout: 20_000, interval: 20 };

const IMAGE = randomBytes(300_000);
const LOCALHOST = parseIpv4('127.0.0.1');

const running: RunningTftp[] = [];
const clients: HandClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(running.splice(0).map((tftp) => tftp.stop()));
});

async function start(options: HarnessOptions = {}): Promise<RunningTftp> {
  const tftp = await startTftp({
    ...options,
    prepare: (root) => {
      writeFileSync(join(root, 'image'), IMAGE);
      writeFileSync(join(root, 'pxelinux.0'), 'loader');
      writeFileSync(join(root, 'empty'), '');
      writeFileSync(join(root, 'text'), 'one\ntwo\rthree\r\n'.repeat(2000));
      mkdirSync(join(root, 'dir'));
      options.prepare?.(root);
    },
  });
  running.push(tftp);
  return tftp;
}

async function connect({ port }: RunningTftp): Promise<HandClient> {
  const client = await openHandClient(port);
  clients.push(client);
  return client;
}

const messages = (tftp: RunningTftp, event: string): unknown[] =>
  tftp.log.filter((line) => line['event'] === event).map((line) => line['message']);

describe('files', () => {
  it.each([
    ['without options', [], undefined],
    ['with a block size', [option('blksize', 1408)], [option('blksize', '1408')]],
    [
      'with a window',
      [option('windowsize', 16), option('blksize', 1408)],
      [option('windowsize', '16'), option('blksize', '1408')],
    ],
    ['with the size asked for', [option('tsize', 0)], [option('tsize', '300000')]],
    [
      'in huge blocks',
      [option('blksize', 65_464), option('windowsize', 2)],
      [option('blksize', '65464'), option('windowsize', '2')],
    ],
  ])('arrive %s', async (_title, options, agreed) => {
    const tftp = await start();
    const fetched = await fetchFile(tftp.port, 'image', options);
    expect(fetched.bytes.equals(IMAGE)).toBe(true);
    expect(fetched.options).toEqual(agreed);
  });

  it('arrive from the worker thread too', async () => {
    const tftp = await start({ openDataPlane: openWorkerDataPlane });
    const options = [option('blksize', 1408), option('windowsize', 4)];
    const all = await Promise.all(Array.from({ length: 20 }, () => fetchFile(tftp.port, 'image', options)));
    expect(all.every(({ bytes }) => bytes.equals(IMAGE))).toBe(true);
  });

  it.each([
    ['a multiple of the block size', 1024, 3],
    ['of no length', 0, 1],
    ['shorter than a block', 511, 1],
  ])('%s end with a short block', async (_title, length, blocks) => {
    const tftp = await start({ prepare: (root) => writeFileSync(join(root, 'file'), randomBytes(length)) });
    expect(await fetchFile(tftp.port, 'file')).toMatchObject({ blocks, bytes: { length } });
  });

  it('arrive in netascii, converted', async () => {
    const tftp = await start();
    const { bytes } = await fetchFile(tftp.port, 'text', [option('blksize', 100)], { mode: 'NetASCII' });
    expect(bytes.toString()).toBe('one\r\ntwo\r\0three\r\0\r\n'.repeat(2000));
    expect(tftp.metrics.tftpTransfers).toBeDefined();
  });

  it('keep their old content when they are replaced meanwhile', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 65_464)]);
    await client.next();
    writeFileSync(join(tftp.root, 'new'), randomBytes(400_000));
    renameSync(join(tftp.root, 'new'), join(tftp.root, 'image'));
    const blocks: Uint8Array[] = [];
    for (let block = 0; block < 5; block++) {
      await client.acknowledge(block);
      const packet = await client.next();
      if (packet.kind === 'data') blocks.push(packet.data);
    }
    await client.acknowledge(5);
    expect(Buffer.concat(blocks).equals(IMAGE)).toBe(true);
    expect((await fetchFile(tftp.port, 'image')).bytes).toHaveLength(400_000);
  });

  it('end with an error when they become shorter meanwhile', async () => {
    const tftp = await start({
      prepare: (root) => writeFileSync(join(root, 'big'), randomBytes(4_000_000)),
    });
    const client = await connect(tftp);
    client.request('big', [option('blksize', 65_464)]);
    await client.next();
    truncateSync(join(tftp.root, 'big'), 100_000);
    let packet;
    for (let block = 0; ; block++) {
      await client.acknowledge(block);
      packet = await client.next();
      if (packet.kind !== 'data') break;
    }
    expect(packet).toMatchObject({
      kind: 'error',
      code: 0,
      message: 'File became shorter while it was sent',
    });
    await vi.waitFor(() => expect(tftp.events).toMatchObject([{ kind: 'served', result: 'truncated' }]));
    expect(messages(tftp, 'tftp.transfer.failed')).toHaveLength(1);
  });
});

describe('refusals', () => {
  it.each([
    ['missing', {}, '1 File not found'],
    ['dir', {}, '0 Is a directory'],
    ['', {}, '4 Missing mode'],
    ['image', { mode: 'mail' }, '4 Unknown mode'],
    ['../../etc/passwd', {}, '1 File not found'],
    ['outside', {}, '1 File not found'],
    ['private', {}, '2 File must have global read permissions'],
  ])('%j %j: %s', async (name, more, text) => {
    const tftp = await start({
      prepare: (root) => {
        symlinkSync('/etc/hostname', join(root, 'outside'));
        writeFileSync(join(root, 'private'), 'x');
        chmodSync(join(root, 'private'), 0o640);
      },
    });
    await expect(fetchFile(tftp.port, name, [], more)).rejects.toThrow(text);
    const [code, ...words] = text.split(' ');
    expect(messages(tftp, 'tftp.request.refused')).toEqual([
      `sending NAK (${code}, ${words.join(' ')}) to 127.0.0.1`,
    ]);
    expect(tftp.events).toMatchObject([{ kind: 'refused', code: Number(code), message: words.join(' ') }]);
  });

  it('say so for options with bad values, but only after the file was found', async () => {
    const tftp = await start();
    await expect(fetchFile(tftp.port, 'image', [option('blksize', 7)])).rejects.toThrow(
      '8 Unsupported option',
    );
    await expect(fetchFile(tftp.port, 'missing', [option('blksize', 7)])).rejects.toThrow('1 File not found');
  });

  it.each([
    ['image', '2 Access denied'],
    ['missing', '1 File not found'],
    ['dir', '0 Is a directory'],
  ])('meet every WRQ: %s', async (name, text) => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request(name, [], { direction: 'write' });
    const packet = await client.next();
    expect(packet.kind === 'error' && `${packet.code} ${packet.message}`).toBe(text);
  });

  it('tell a torn request after its file was found', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.sendRequest(Buffer.from('\0\x01image\0octet\0blksize\x00512'));
    expect(await client.next()).toMatchObject({ code: 4, message: 'Request not null-terminated' });
    client.sendRequest(Buffer.from('\0\x01missing\0octet\0blksize\x00512'));
    expect(await client.next()).toMatchObject({ code: 1 });
  });

  it('are not for what is no request', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    for (const text of [
      '',
      '\0',
      '\0\x03\0\x01abc',
      '\0\x04\0\0',
      '\0\x05\0\0x\0',
      '\0\x06a\0',
      '\xff\xff',
    ]) {
      client.sendRequest(Buffer.from(text, 'latin1'));
    }
    client.request('missing');
    expect(await client.next()).toMatchObject({ kind: 'error', code: 1 });
    expect(client.waiting()).toBe(0);
  });

  it('log names from the wire with their control bytes escaped', async () => {
    const tftp = await start();
    await expect(fetchFile(tftp.port, 'a\nb\x1b[2J')).rejects.toThrow('File not found');
    expect(messages(tftp, 'tftp.request.received')).toEqual([
      String.raw`RRQ from 127.0.0.1 filename a\x0ab\x1b[2J`,
    ]);
  });
});

describe('a transfer', () => {
  it('is closed by OVMF after the OACK: that is how it learns the size, and no failure', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('tsize', 0), option('blksize', 1468), option('windowsize', 4)]);
    expect(await client.next()).toMatchObject({ kind: 'oack' });
    client.send(encodeTftpError(8, 'User aborted the transfer'));
    await vi.waitFor(() => expect(tftp.events).toMatchObject([{ result: 'probed', bytes: 0 }]));
    expect(messages(tftp, 'tftp.transfer.failed')).toEqual([]);
    expect(await tftp.metrics.tftpTransfers.get()).toMatchObject({
      values: [{ labels: { result: 'probed', file: 'image' }, value: 1 }],
    });
  });

  it('is closed by GRUB after the first block: that is how it tests for a file, and no failure', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1024), option('tsize', 0)]);
    await client.next();
    await client.acknowledge(0);
    await client.next();
    client.send(encodeTftpError(0, 'closed'));
    await vi.waitFor(() => expect(tftp.events).toMatchObject([{ result: 'closed' }]));
    expect(messages(tftp, 'tftp.transfer.failed')).toEqual([]);
  });

  it('that the client gives up for another reason is a failure, with its words', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1024)]);
    await client.next();
    await client.acknowledge(0);
    await client.next();
    client.send(encodeTftpError(3, 'Disk full\n'));
    await vi.waitFor(() =>
      expect(messages(tftp, 'tftp.transfer.failed')).toEqual([
        String.raw`image to 127.0.0.1 was given up by the client (3 Disk full\x0a)`,
      ]),
    );
  });

  it('is not started again by a repeated request', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    const ask = (): void => client.request('image', [option('blksize', 1024)]);
    ask();
    expect(await client.next()).toMatchObject({ kind: 'oack' });
    const port = client.serverPort();
    ask();
    expect(await client.next()).toMatchObject({ kind: 'oack' });
    expect(client.serverPort()).toBe(port);
    await client.acknowledge(0);
    expect(await client.next()).toMatchObject({ kind: 'data', block: 1 });
    // Read late, as it may be when requests and ACKs wait in two sockets.
    ask();
    await client.acknowledge(1);
    expect(await client.next()).toMatchObject({ kind: 'data', block: 2 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.waiting()).toBe(0);
    expect(await tftp.metrics.tftpTransfersActive.get()).toMatchObject({ values: [{ value: 1 }] });
  });

  it('makes way for another request from the same port, which gets another port of ours', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1024)]);
    await client.next();
    const before = client.serverPort();
    client.request('pxelinux.0');
    expect(await client.next()).toMatchObject({ kind: 'data', block: 1 });
    expect(client.serverPort()).not.toBe(before);
    await client.acknowledge(1);
    await vi.waitFor(() => expect(tftp.events).toMatchObject([{ result: 'replaced' }, { result: 'done' }]));
  });

  it('is forgotten when its client falls silent for 63 times its timeout', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1408), option('utimeout', 10_000)]);
    await client.next();
    await client.acknowledge(0);
    // Block 1, and five times more after 10, 20, 40, 80 and 160 ms.
    for (let attempt = 0; attempt < 6; attempt++) {
      expect(await client.next()).toMatchObject({ kind: 'data', block: 1 });
    }
    await vi.waitFor(
      () => expect(tftp.events).toMatchObject([{ result: 'timeout', bytes: 0, retransmissions: 5 }]),
      PATIENCE,
    );
    expect(client.waiting()).toBe(0);
    expect(await tftp.metrics.tftpTransfersActive.get()).toMatchObject({ values: [{ value: 0 }] });
  });

  it('hears only its own client', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    const stranger = await openHandClient(0);
    clients.push(stranger);
    client.request('image');
    expect(await client.next()).toMatchObject({ kind: 'data', block: 1 });
    const strangerAtTransfer = await openHandClient(client.serverPort());
    clients.push(strangerAtTransfer);
    await strangerAtTransfer.acknowledge(1);
    strangerAtTransfer.send(encodeTftpError(0, 'go away'));
    await client.acknowledge(1);
    expect(await client.next()).toMatchObject({ kind: 'data', block: 2 });
    expect(strangerAtTransfer.waiting()).toBe(0);
  });

  it('is told of by observers', async () => {
    const mapped = await start();
    expect((await fetchFile(mapped.port, 'pxelinux.0')).bytes.toString()).toBe('loader');
    await vi.waitFor(() =>
      expect(mapped.events).toMatchObject([
        {
          kind: 'served',
          grant: {
            peer: { address: LOCALHOST },
            requested: 'pxelinux.0',
            path: 'pxelinux.0',
            source: 'disk',
            size: 6,
          },
          result: 'done',
          bytes: 6,
          retransmissions: 0,
        },
      ]),
    );
    expect(messages(mapped, 'tftp.transfer.done')).toEqual(['pxelinux.0 to 127.0.0.1 was sent whole']);
  });
});

describe('rendered files', () => {
  const rendered = (text: string): { bytes: Uint8Array; node: NodeUuid; generation: number } => ({
    bytes: Buffer.from(text),
    node: 'cbe08678-b1be-4683-b8e6-bdc8515890ad' as NodeUuid,
    generation: 3,
  });

  it('win over the disk for a machine that has a profile', async () => {
    const asked: [string, Ipv4][] = [];
    const tftp = await start({
      bootFiles: {
        forMachine: (path, peer) => {
          asked.push([path, peer]);
          return path === 'pxelinux.0' ? rendered('for this machine') : undefined;
        },
      },
    });
    const { bytes, options } = await fetchFile(tftp.port, '//./pxelinux.0', [option('tsize', 0)]);
    expect(bytes.toString()).toBe('for this machine');
    expect(options).toEqual([option('tsize', 16)]);
    expect(asked).toEqual([['pxelinux.0', LOCALHOST]]);
    await vi.waitFor(() =>
      expect(tftp.events).toMatchObject([{ grant: { source: 'rendered', generation: 3 }, result: 'done' }]),
    );
  });

  it('fill in where the disk has nothing', async () => {
    const tftp = await start({ bootFiles: { fallback: (path) => rendered(`default for ${path}`) } });
    expect((await fetchFile(tftp.port, 'pxelinux.0')).bytes.toString()).toBe('loader');
    expect((await fetchFile(tftp.port, 'pxelinux.cfg/default')).bytes.toString()).toBe(
      'default for pxelinux.cfg/default',
    );
    await expect(fetchFile(tftp.port, 'dir')).rejects.toThrow('Is a directory');
  });

  it('that cannot be rendered are logged, and do not end the daemon', async () => {
    const tftp = await start({
      bootFiles: {
        forMachine: (path) => {
          if (path === 'broken') throw new Error('a mistake of ours');
          return undefined;
        },
      },
    });
    const client = await connect(tftp);
    client.request('broken');
    await vi.waitFor(() => expect(messages(tftp, 'tftp.request.failed')).toHaveLength(1));
    expect((await fetchFile(tftp.port, 'pxelinux.0')).bytes.toString()).toBe('loader');
  });

  it('are converted for netascii', async () => {
    const tftp = await start({ bootFiles: { forMachine: () => rendered('a\nb\n') } });
    const { bytes } = await fetchFile(tftp.port, 'x', [option('blksize', 8)], { mode: 'netascii' });
    expect(bytes.toString()).toBe('a\r\nb\r\n');
  });
});

describe('the map-file', () => {
  let mapFile = '';
  const withMap = (text: string): HarnessOptions => ({
    settings: { secure: true, mapFile: undefined },
    prepare: (root) => {
      mapFile = join(root, 'map-file');
      writeFileSync(mapFile, text);
    },
  });

  /** The folder is only known when it is made, so the service is started in two steps. */
  async function startMapped(text: string): Promise<RunningTftp> {
    const first = await start(withMap(text));
    const kept = mapFile;
    const second = await startTftp({
      settings: { root: first.root, mapFile: kept },
    });
    running.push(second);
    return second;
  }

  const reload = async ({ service, settings }: RunningTftp): Promise<void> => {
    const apply = await service.prepare(settings);
    await apply();
  };

  it('rewrites and refuses', async () => {
    const tftp = await startMapped('r ^/tftpboot/ /\na ^/forbidden No\\ way\n');
    expect((await fetchFile(tftp.port, '/tftpboot/pxelinux.0')).bytes.toString()).toBe('loader');
    await expect(fetchFile(tftp.port, '/forbidden')).rejects.toThrow('2 No way');
    expect(messages(tftp, 'tftp.request.received').filter((line) => String(line).startsWith('RRQ'))).toEqual([
      'RRQ from 127.0.0.1 filename /tftpboot/pxelinux.0 remapped to /pxelinux.0',
    ]);
  });

  it('is fatal at the start when it is bad', async () => {
    const first = await start(withMap('r [ x\nq y\n'));
    const failure = await startTftp({ settings: { root: first.root, mapFile } }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as ConfigError).problems).toMatchObject([
      { file: mapFile, line: 1 },
      { file: mapFile, line: 2 },
    ]);
  });

  it('is fatal at the start when it is not there', async () => {
    const failure = startTftp({ settings: { mapFile: '/nowhere/map-file' } });
    await expect(failure).rejects.toThrow(
      'Cannot open map file: /nowhere/map-file: No such file or directory',
    );
  });

  it('is read again, and a bad one leaves the old rules in force', async () => {
    const tftp = await startMapped('r ^one$ pxelinux.0\n');
    const path = mapFile;
    writeFileSync(path, 'r ^two$ pxelinux.0\n');
    await reload(tftp);
    expect((await fetchFile(tftp.port, 'two')).bytes.toString()).toBe('loader');
    writeFileSync(path, 'r ( pxelinux.0\n');
    await expect(reload(tftp)).rejects.toBeInstanceOf(ConfigError);
    expect((await fetchFile(tftp.port, 'two')).bytes.toString()).toBe('loader');
  });

  it('is read again by itself when it changes or is replaced; a bad one shows in readiness until it is mended', async () => {
    const tftp = await startMapped('r ^one$ pxelinux.0\n');
    const path = mapFile;
    expect(tftp.service.problems).toEqual([]);
    writeFileSync(path, 'r ^two$ pxelinux.0\n');
    await vi.waitFor(() => expect(messages(tftp, 'tftp.map.loaded')).toHaveLength(1), PATIENCE);
    expect((await fetchFile(tftp.port, 'two')).bytes.toString()).toBe('loader');
    writeFileSync(path, 'r ( pxelinux.0\n');
    await vi.waitFor(() => expect(messages(tftp, 'tftp.map.failed')).toHaveLength(1), PATIENCE);
    expect((await fetchFile(tftp.port, 'two')).bytes.toString()).toBe('loader');
    expect(tftp.service.problems).toEqual([expect.stringMatching(/map-file:1:1: Bad regex in remap line 1/)]);
    writeFileSync(`${path}.new`, 'r ^three$ pxelinux.0\n');
    renameSync(`${path}.new`, path);
    await vi.waitFor(() => expect(tftp.service.problems).toEqual([]), PATIENCE);
    expect((await fetchFile(tftp.port, 'three')).bytes.toString()).toBe('loader');
    rmSync(path);
    await vi.waitFor(() => expect(tftp.service.problems).toHaveLength(1), PATIENCE);
    expect((await fetchFile(tftp.port, 'three')).bytes.toString()).toBe('loader');
    writeFileSync(path, 'r ^four$ pxelinux.0\n');
    await vi.waitFor(() => expect(tftp.service.problems).toEqual([]), PATIENCE);
    expect((await fetchFile(tftp.port, 'four')).bytes.toString()).toBe('loader');
  });
});

describe("pxelinux's doubled slash", () => {
  const prepare = (root: string): void => {
    mkdirSync(join(root, 'uuid'));
    writeFileSync(join(root, 'uuid/deploy_kernel'), 'kernel');
  };
  /** The note's map-file, for a root that is not /tftpboot. */
  const rules = (root: string): string =>
    [
      `re ^(${root}/) ${root}/\\2`,
      `re ^${root}/ ${root}/`,
      `re ^(^/) ${root}/\\1`,
      `re ^([^/]) ${root}/\\1`,
      '',
    ].join('\n');

  async function startNoted(collapseDoubledSlashes: boolean): Promise<RunningTftp> {
    const first = await start({ prepare });
    const mapFile = join(first.root, 'map-file');
    writeFileSync(mapFile, rules(first.root));
    const second = await startTftp({
      settings: { root: first.root, mapFile, secure: false, collapseDoubledSlashes },
    });
    running.push(second);
    return second;
  }

  it('is forgiven, once, and told of', async () => {
    const tftp = await startNoted(true);
    const { root } = tftp.settings;
    expect((await fetchFile(tftp.port, `/${root}/uuid/deploy_kernel`)).bytes.toString()).toBe('kernel');
    await expect(fetchFile(tftp.port, `/${root}/uuid/other`)).rejects.toThrow('1 File not found');
    await vi.waitFor(() =>
      expect(tftp.events).toMatchObject([{ grant: { collapsed: true } }, { kind: 'refused' }]),
    );
    expect(tftp.log.filter((line) => line['level'] === 40)).toMatchObject([
      { event: 'tftp.request.received' },
    ]);
  });

  it('is not forgiven where the setting says no', async () => {
    const tftp = await startNoted(false);
    await expect(fetchFile(tftp.port, `/${tftp.settings.root}/uuid/deploy_kernel`)).rejects.toThrow(
      'File not found',
    );
  });
});

describe('sockets', () => {
  it('serve everything from one port where that is asked for', async () => {
    const probe = await openHandClient(0);
    const port = probe.port;
    probe.close();
    const tftp = await start({ settings: { singlePort: true, port } });
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1408)]);
    await client.next();
    expect(client.serverPort()).toBe(port);
    await expect(fetchFile(port, 'missing')).rejects.toThrow('File not found');
    expect((await fetchFile(port, 'image', [option('windowsize', 8)])).bytes.equals(IMAGE)).toBe(true);
  });

  it('send files from the configured range', async () => {
    const tftp = await start({ settings: { portRange: { first: 42_100, last: 42_102 } } });
    for (let index = 0; index < 4; index++) {
      const client = await connect(tftp);
      client.request('image', [option('blksize', 1408)]);
      await client.next();
      expect(client.serverPort()).toBeGreaterThanOrEqual(42_100);
      expect(client.serverPort()).toBeLessThanOrEqual(42_102);
    }
  });

  it('wait for an address that the host does not have yet, and say so once', async () => {
    const tftp = await start({ settings: { listen: ['127.0.0.1', '192.0.2.1'] } });
    expect(tftp.service.problems).toEqual([expect.stringContaining('192.0.2.1')]);
    const { bytes } = await fetchFile(tftp.port, 'image', [option('windowsize', 8)]);
    expect(bytes.equals(IMAGE)).toBe(true);
    const told = (): unknown[] => tftp.log.filter(({ event }) => event === 'tftp.socket.closed');
    expect(told()).toMatchObject([{ on: '192.0.2.1' }]);
    // It has been tried again by then.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(told()).toHaveLength(1);
  });

  it('listen on IPv6 as well', async () => {
    const tftp = await start({ settings: { listen: ['127.0.0.1', '::1'] } });
    const [, port = 0] = tftp.service.requestPorts;
    const { bytes } = await fetchFile(port, 'image', [option('blksize', 1408), option('windowsize', 8)], {
      host: '::1',
    });
    expect(bytes.equals(IMAGE)).toBe(true);
    expect(messages(tftp, 'tftp.request.received')).toEqual(['RRQ from ::1 filename image']);
  });

  it('name who holds a port that is taken', async () => {
    const tftp = await start();
    await expect(startTftp({ settings: { port: tftp.port } })).rejects.toThrow(
      new RegExp(`cannot bind UDP 127.0.0.1 port ${tftp.port}.*port ${tftp.port} is held by`),
    );
  });

  it('refuse an address that is none', async () => {
    await expect(startTftp({ settings: { listen: ['tftp.example'] } })).rejects.toThrow(
      'cannot listen on "tftp.example": it is no IPv4 or IPv6 address',
    );
  });
});

describe('the end', () => {
  it('lets a transfer finish', async () => {
    const tftp = await start({ stopGraceMs: 2000 });
    const fetched = fetchFile(tftp.port, 'image', [option('blksize', 1408)]);
    await vi.waitFor(() => expect(messages(tftp, 'tftp.transfer.started')).toHaveLength(1));
    await tftp.service.stop();
    expect((await fetched).bytes.equals(IMAGE)).toBe(true);
  });

  it('tells clients that do not finish', async () => {
    const tftp = await start();
    const client = await connect(tftp);
    client.request('image', [option('blksize', 1408)]);
    await client.next();
    await Promise.all([tftp.service.stop(), tftp.service.stop()]);
    let packet = await client.next();
    while (packet.kind === 'oack') packet = await client.next();
    expect(packet).toMatchObject({ kind: 'error', message: 'Server is shutting down' });
    expect(tftp.events).toMatchObject([{ result: 'stopped' }]);
  });
});
