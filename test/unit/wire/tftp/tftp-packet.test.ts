import { describe, expect, it } from 'vitest';
import {
  decodeTftpPacket,
  encodeTftpAck,
  encodeTftpData,
  encodeTftpError,
  encodeTftpOack,
  encodeTftpRequest,
} from '../../../../src/wire/tftp/tftp-packet.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

describe('requests', () => {
  it.each([
    ['RRQ without options', '\0\x01pxelinux.0\0octet\0', 'read', 'pxelinux.0', 'octet', []],
    ['WRQ', '\0\x02upload\0netascii\0', 'write', 'upload', 'netascii', []],
    ['mode in any case', '\0\x01a\0OcTeT\0', 'read', 'a', 'OcTeT', []],
    ['a name beyond ASCII', '\0\x01caf\xe9 \xff\0octet\0', 'read', 'caf\xe9 \xff', 'octet', []],
    [
      'options in their order and spelling (OVMF)',
      '\0\x01bootx64.efi\0octet\0tsize\x000\0blksize\x001468\0WindowSize\x004\0',
      'read',
      'bootx64.efi',
      'octet',
      [
        ['tsize', '0'],
        ['blksize', '1468'],
        ['WindowSize', '4'],
      ],
    ],
    ['an option without a value', '\0\x01a\0octet\0tsize\0', 'read', 'a', 'octet', []],
    [
      'an empty value, which ends the list',
      '\0\x01a\0octet\0blksize\x00512\0tsize\0\0timeout\x003\0',
      'read',
      'a',
      'octet',
      [['blksize', '512']],
    ],
    ['padding behind the mode', '\0\x01a\0octet\0\0\0\0\0', 'read', 'a', 'octet', []],
  ])('reads %s', (_title, text, direction, name, mode, options) => {
    expect(decodeTftpPacket(bytes(text))).toEqual({
      kind: 'request',
      direction,
      name,
      mode,
      options: options.map(([optionName, value]) => ({ name: optionName, value })),
      terminated: true,
    });
  });

  it.each([
    ['only an opcode', '\0\x01', 'missing-mode'],
    ['an empty name', '\0\x01\0octet\0', 'missing-mode'],
    ['no mode', '\0\x01a\0', 'missing-mode'],
    ['an empty mode', '\0\x01a\0\0tsize\x000\0', 'missing-mode'],
    ['a name without NUL', '\0\x01a', 'not-terminated'],
    ['a mode without NUL', '\0\x01a\0octet', 'not-terminated'],
  ])('refuses %s', (_title, text, reason) => {
    expect(decodeTftpPacket(bytes(text))).toEqual({ kind: 'bad-request', reason });
  });

  it.each(['\0\x01a\0octet\0tsize', '\0\x01a\0octet\0tsize\x000', '\0\x01a\0octet\0blksize\x00512\0x'])(
    'says when the end is missing: %j',
    (text) => {
      expect(decodeTftpPacket(bytes(text))).toMatchObject({ kind: 'request', terminated: false });
    },
  );

  it('keeps the options before the torn one', () => {
    expect(decodeTftpPacket(bytes('\0\x01a\0octet\0blksize\x00512\0tsize'))).toMatchObject({
      options: [{ name: 'blksize', value: '512' }],
    });
  });
});

describe('other packets', () => {
  it.each([
    ['ACK', '\0\x04\xff\xfe', { kind: 'ack', block: 65_534 }],
    ['an empty DATA', '\0\x03\0\x01', { kind: 'data', block: 1, data: bytes('') }],
    ['DATA', '\0\x03\x01\x02ab', { kind: 'data', block: 258, data: bytes('ab') }],
    ['ERROR', '\0\x05\0\x08no\0', { kind: 'error', code: 8, message: 'no' }],
    ['ERROR without its last NUL', '\0\x05\0\0closed', { kind: 'error', code: 0, message: 'closed' }],
    ['ERROR without text', '\0\x05\0\x01', { kind: 'error', code: 1, message: '' }],
    ['OACK', '\0\x06tsize\x0026\0', { kind: 'oack', options: [{ name: 'tsize', value: '26' }] }],
    ['nothing', '', { kind: 'malformed', reason: 'truncated' }],
    ['one octet', '\0', { kind: 'malformed', reason: 'truncated' }],
    ['an ACK without number', '\0\x04\0', { kind: 'malformed', reason: 'truncated' }],
    ['opcode 0', '\0\0\0\0', { kind: 'malformed', reason: 'unknown-opcode' }],
    ['opcode 7', '\0\x07\0\0', { kind: 'malformed', reason: 'unknown-opcode' }],
    ['opcode 257, which ends with 1', '\x01\x01a\0octet\0', { kind: 'malformed', reason: 'unknown-opcode' }],
  ])('reads %s', (_title, text, packet) => {
    expect(decodeTftpPacket(bytes(text))).toEqual(packet);
  });

  it.each([
    ['ACK', encodeTftpAck(0xabcd), '\0\x04\xab\xcd'],
    ['DATA', encodeTftpData(1, bytes('xyz')), '\0\x03\0\x01xyz'],
    ['ERROR', encodeTftpError(2, 'Access denied'), '\0\x05\0\x02Access denied\0'],
    ['OACK', encodeTftpOack([{ name: 'BlkSize', value: '1408' }]), '\0\x06BlkSize\x001408\0'],
    [
      'RRQ',
      encodeTftpRequest({
        direction: 'read',
        name: '\xe9',
        mode: 'octet',
        options: [{ name: 'tsize', value: '0' }],
      }),
      '\0\x01\xe9\0octet\0tsize\x000\0',
    ],
  ])('writes %s', (_title, packet, text) => {
    expect(Buffer.from(packet).toString('latin1')).toBe(text);
  });
});
