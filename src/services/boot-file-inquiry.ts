import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Ipv4 } from '../addr/ipv4.ts';
import type { ExpectedFile } from '../control/probe-commands.ts';
import type { TftpService } from './tftp-service.ts';

/**
 * What a machine at this address should get for this name, with a digest, so that `bootd probe` can compare it with what
 * came over the wire. Rejects when the disk fails.
 */
export async function expectFile(
  tftp: Pick<TftpService, 'inquire'>,
  name: string,
  peer: Ipv4,
): Promise<ExpectedFile> {
  const found = await tftp.inquire(name, peer);
  switch (found.kind) {
    case 'refused':
      return { kind: 'refused', code: found.code, message: found.message };
    case 'rendered': {
      const { bytes, node, generation } = found.rendered;
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const source = found.origin === 'machine' ? 'rendered' : 'fallback';
      return { kind: 'file', source, path: found.path, octets: bytes.length, sha256, node, generation };
    }
    case 'file':
      try {
        const { fd, size } = found.opened.file;
        const sha256 = await digestOf(fd, size);
        return {
          kind: 'file',
          source: 'disk',
          path: found.path,
          octets: size,
          sha256,
          node: undefined,
          generation: undefined,
        };
      } finally {
        found.opened.drop();
      }
  }
}

async function digestOf(fd: number, size: number): Promise<string> {
  const hash = createHash('sha256');
  if (size > 0) {
    const stream = createReadStream('', { fd, autoClose: false, start: 0, end: size - 1 });
    for await (const piece of stream) hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}
