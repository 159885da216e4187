import { describe, expect, it } from 'vitest';
import { compareFiles, type FileAnswer } from '../../../src/rehearsal/compare-files.ts';
import { FileExchanges } from '../../../src/rehearsal/file-exchanges.ts';
import {
  encodeTftpAck,
  encodeTftpData,
  encodeTftpError,
  encodeTftpOack,
  encodeTftpRequest,
} from '../../../src/wire/tftp/tftp-packet.ts';
import { ip } from '../dhcp/fake-view.ts';
import { shown } from './stage.ts';

const CLIENT = ip('192.168.0.130');
const SERVER = ip('192.168.0.1');

const served = (octets: number | undefined): FileAnswer => ({ kind: 'served', octets });
const NOT_FOUND: FileAnswer = { kind: 'refused', code: 1, message: 'File not found' };
const DENIED: FileAnswer = { kind: 'refused', code: 2, message: 'Access denied' };
const SILENT: FileAnswer = { kind: 'silent' };

describe('compareFiles', () => {
  it.each<[name: string, theirs: FileAnswer, ours: FileAnswer, found: readonly string[]]>([
    ['the same file', served(42), served(42), []],
    ['a file whose size the wire did not show', served(undefined), served(42), []],
    ['a file of another size', served(42), served(43), ['file "a": served, 42 octets | served, 43 octets']],
    [
      'a file that bootd refuses',
      served(42),
      NOT_FOUND,
      ['file "a": served, 42 octets | error 1 File not found'],
    ],
    [
      'a file that only bootd has',
      NOT_FOUND,
      served(42),
      ['file "a": error 1 File not found | served, 42 octets'],
    ],
    ['neither has it', NOT_FOUND, NOT_FOUND, []],
    ['another error', NOT_FOUND, DENIED, ['file "a": error 1 File not found | error 2 Access denied']],
    ['no answer', SILENT, served(1), ['file "a": no answer | served, 1 octets (answer-not-heard)']],
  ])('%s', (_name, theirs, ours, found) => {
    expect(compareFiles({ name: 'a', theirs, ours, wasCollapsed: false }).map(shown)).toEqual(found);
  });

  it('a name with doubled slashes', () => {
    const findings = compareFiles({ name: '//a', theirs: NOT_FOUND, ours: served(3), wasCollapsed: true });
    expect(findings.map(shown)).toEqual([
      'file "//a": error 1 File not found | served, 3 octets (doubled-slashes)',
    ]);
  });
});

describe('FileExchanges', () => {
  const rrq = encodeTftpRequest({ direction: 'read', name: 'a', mode: 'octet', options: [] });
  const up = { source: CLIENT, sourcePort: 2070, destination: SERVER, destinationPort: 69 };
  const down = { source: SERVER, sourcePort: 40_000, destination: CLIENT, destinationPort: 2070 };

  it.each<[name: string, payload: Uint8Array, answer: FileAnswer | undefined]>([
    ['an OACK with the size', encodeTftpOack([{ name: 'tsize', value: '1234' }]), served(1234)],
    ['an OACK without', encodeTftpOack([{ name: 'blksize', value: '1408' }]), served(undefined)],
    ['the whole file', encodeTftpData(1, new Uint8Array(100)), served(100)],
    ['a first block', encodeTftpData(1, new Uint8Array(512)), served(undefined)],
    ['an error', encodeTftpError(1, 'File not found'), NOT_FOUND],
    ['a later block', encodeTftpData(2, new Uint8Array(100)), undefined],
    ['an ACK', encodeTftpAck(1), undefined],
    ['something else', Uint8Array.of(1), undefined],
  ])('%s', (_name, payload, answer) => {
    const exchanges = new FileExchanges(69);
    expect(exchanges.hear({ ...up, payload: rrq }, 0)).toBeUndefined();
    const expected = answer && { client: CLIENT, name: 'a', answer };
    expect(exchanges.hear({ ...down, payload }, 1)).toEqual(expected);
    expect(exchanges.hear({ ...down, payload }, 2)).toBeUndefined();
  });

  it('passes over what others send to the same port', () => {
    const exchanges = new FileExchanges(69);
    exchanges.hear({ ...up, payload: rrq }, 0);
    const stranger = { ...down, source: ip('192.168.0.9'), payload: encodeTftpError(1, 'x') };
    expect(exchanges.hear(stranger, 1)).toBeUndefined();
  });

  it('gives up after five seconds, and leaves write requests alone', () => {
    const exchanges = new FileExchanges(69);
    exchanges.hear({ ...up, payload: rrq }, 0);
    const wrq = encodeTftpRequest({ direction: 'write', name: 'b', mode: 'octet', options: [] });
    exchanges.hear({ ...up, sourcePort: 2071, payload: wrq }, 0);
    expect(exchanges.takeUnanswered(4999)).toEqual([]);
    expect(exchanges.takeUnanswered(5000)).toEqual([{ client: CLIENT, name: 'a', answer: SILENT }]);
  });
});
