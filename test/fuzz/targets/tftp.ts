import { BLOCK_SIZE_LIMIT, negotiate, parseTransferMode } from '../../../src/tftp/negotiation.ts';
import {
  acknowledge,
  createTransfer,
  expire,
  repeatStart,
  startTransfer,
  wireBlock,
  type Transfer,
  type TransferAction,
} from '../../../src/tftp/transfer.ts';
import {
  decodeTftpPacket,
  encodeTftpRequest,
  type TftpPacket,
  type TftpRequest,
} from '../../../src/wire/tftp/tftp-packet.ts';
import { capturedPayloads, keptOctets } from '../corpus.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import {
  FuzzFailure,
  mustHold,
  octetsTarget,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import { concatOctets } from '../mutate-octets.ts';
import { amidst } from './dhcp-wire.ts';

const NAMES = [
  'pxelinux.0',
  '/tftpboot/pxelinux.cfg/01-aa',
  '//grubx64.efi',
  '../etc/passwd',
  '',
  '\xff\x01',
];
const MODES = ['octet', 'netascii', 'OCTET', 'mail', ''];
const OPTIONS = [
  'tsize',
  'blksize',
  'blksize2',
  'windowsize',
  'timeout',
  'utimeout',
  'rollover',
  'multicast',
  '',
];
const VALUES = [
  '0',
  '1',
  '7',
  '8',
  '512',
  '1408',
  '65464',
  '65465',
  '255',
  '256',
  '-1',
  ' 5',
  '+5',
  '99999999999999999999',
  'x',
  '',
];

function generateRequest(random: FuzzRandom): Uint8Array {
  return encodeTftpRequest({
    direction: random.chance(0.8) ? 'read' : 'write',
    name: random.pick(NAMES),
    mode: random.pick(MODES),
    options: Array.from({ length: random.small(8) }, () => ({
      name: random.pick(OPTIONS),
      value: random.pick(VALUES),
    })),
  });
}

/** What a planted bug stands in for. */
export interface TftpCodec {
  readonly decode: (bytes: Uint8Array) => TftpPacket;
}

export function openTftpPacket({ decode }: TftpCodec = { decode: decodeTftpPacket }): OpenTarget {
  return octetsTarget({
    limitMs: 20,
    seeds: [
      ...capturedPayloads('golden/pxe', []).filter(({ length }) => length < 600),
      ...keptOctets('tftp-packet'),
      Uint8Array.of(0, 4, 0, 1),
    ],
    tokens: [...OPTIONS, ...VALUES].map((word) => Buffer.from(`${word}\0`)),
    generate: generateRequest,
    check: (input) => checkPacket(input, decode),
  });
}

function checkPacket(input: Uint8Array, decode: TftpCodec['decode']): FuzzVerdict {
  const packet = decode(amidst(input, 0x00));
  const elsewhere = decode(amidst(input, 0x31));
  mustHold(JSON.stringify(packet) === JSON.stringify(elsewhere), () => 'what lies around a datagram is read');
  if (packet.kind === 'malformed' || packet.kind === 'bad-request') return 'refused';
  if (packet.kind === 'request') checkRequest(packet, decode);
  return 'taken';
}

function checkRequest(packet: TftpRequest, decode: TftpCodec['decode']): void {
  if (!packet.options.some(({ name }) => name === '')) {
    const { options, direction, name } = packet;
    const again = decode(encodeTftpRequest(packet));
    mustHold(
      again.kind === 'request' &&
        again.name === name &&
        again.direction === direction &&
        JSON.stringify(again.options) === JSON.stringify(options),
      () => 'a request does not come back',
    );
  }
  const mode = parseTransferMode(packet.mode);
  if (mode === undefined) return;
  for (const size of [0, 511, 512, 1_000_000_000]) {
    const limits = { mode, size, blockSizeMax: 1468, windowSizeMax: 64, retransmitMs: 1000 };
    const agreement = negotiate(packet.options, limits);
    if (agreement.kind === 'refused') continue;
    const { blockSize, windowSize, rollover, retransmitMs } = agreement.agreed;
    mustHold(
      blockSize >= 8 && blockSize <= Math.min(1468, BLOCK_SIZE_LIMIT),
      () => `the block size is ${blockSize}`,
    );
    mustHold(windowSize >= 1 && windowSize <= 64, () => `the window is ${windowSize}`);
    mustHold(rollover >= 0 && rollover <= 65_535, () => `rollover is ${rollover}`);
    mustHold(retransmitMs >= 10 && retransmitMs <= 255_000, () => `the interval is ${retransmitMs}`);
    mustHold((agreement.oack?.length ?? 0) <= 1468, () => `an OACK of ${agreement.oack?.length ?? 0} octets`);
  }
}

/** A transfer that a client plays badly: seven octets of conditions, then events of three octets each. */
function openTransfer(): OpenTarget {
  return octetsTarget({
    limitMs: 50,
    seeds: [Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ...keptOctets('tftp-transfer')],
    generate: (random) => {
      const events = Array.from({ length: 1 + random.below(60) }, () =>
        Uint8Array.of(random.below(6), random.below(256), random.small(256)),
      );
      return concatOctets(random.octets(7), ...events);
    },
    check: checkTransfer,
  });
}

function checkTransfer(input: Uint8Array): FuzzVerdict {
  const at = (index: number): number => input[index] ?? 0;
  const windowSize = 1 + (at(3) % 64);
  const agreed = { blockSize: 512, windowSize, retransmitMs: 10 + at(5), rollover: at(6) % 2 };
  const transfer = createTransfer(agreed, 1 + (((at(0) % 3) << 16) | (at(1) << 8) | at(2)), at(4) % 2 === 0);
  const run = new TransferRun(transfer);
  run.take(startTransfer(transfer, run.now), 1);
  for (let event = 7; event + 2 < input.length && !run.isOver; event += 3) {
    const number = (at(event + 1) << 8) | at(event + 2);
    const { acknowledged, sent } = transfer;
    if (at(event) % 6 < 2) run.acknowledge(wireBlock(Math.max(0, sent), agreed.rollover));
    else if (at(event) % 6 === 2)
      run.acknowledge(wireBlock(Math.max(0, acknowledged) + (number % (windowSize + 2)), agreed.rollover));
    else if (at(event) % 6 === 3) run.acknowledge(number);
    else if (at(event) % 6 === 4) run.pass(number);
    else run.take(repeatStart(transfer), 1);
  }
  const { acknowledged } = transfer;
  run.beSilent();
  return acknowledged > 0 ? 'taken' : 'refused';
}

class TransferRun {
  now = 1000;
  isOver = false;
  readonly #transfer: Transfer;

  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  acknowledge(block: number): void {
    if (!this.isOver) this.take(acknowledge(this.#transfer, block, this.now), 1);
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.take(expire(this.#transfer, this.now), 1);
  }

  /** Every transfer ends: six packets without an answer, and it is given up. */
  beSilent(): void {
    for (let tries = 0; !this.isOver; tries += 1) {
      if (tries > 7) throw new FuzzFailure('the transfer does not end');
      mustHold(Number.isFinite(this.#transfer.deadline), () => 'nothing will ever wake the transfer');
      this.now = Math.max(this.now, this.#transfer.deadline);
      this.take(expire(this.#transfer, this.now), 1);
    }
  }

  /** One event sends one window at most. */
  take(action: TransferAction, windows: number): void {
    const { lastBlock, agreed, acknowledged } = this.#transfer;
    if (action.kind === 'finish' || action.kind === 'give-up') this.isOver = true;
    if (action.kind !== 'send-data') return;
    const { first, last } = action;
    mustHold(
      first >= 1 && first === acknowledged + 1,
      () => `block ${first} is sent after ${acknowledged} was acknowledged`,
    );
    mustHold(last <= lastBlock && last >= first, () => `blocks ${first} to ${last} of ${lastBlock} are sent`);
    mustHold(
      last - first < windows * agreed.windowSize,
      () => `${last - first + 1} blocks answer one packet`,
    );
  }
}

export const TFTP_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'tftp-packet',
    reads: 'TFTP packets, and what is agreed on with the options of a request',
    open: () => openTftpPacket(),
  },
  {
    name: 'tftp-transfer',
    reads: 'ACKs, repeated requests and silence, in any order, in the course of a transfer',
    open: openTransfer,
  },
];
