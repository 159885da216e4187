import { encodeRmcpPlusPacket, type RmcpPlusPacket } from '../wire/rmcp/session-packet.ts';
import { encodeRmcp } from '../wire/rmcp/rmcp-header.ts';
import { WireError } from '../wire/wire-error.ts';
import {
  codesEqual,
  decryptPayload,
  encryptPayload,
  IV_OCTETS,
  packetCode,
  type CipherSuite,
  type SessionKeys,
} from './cipher-suite.ts';
import { SequenceWindow } from './sequence-window.ts';

/** Gives that many octets that nobody can guess. */
export type RandomOctets = (count: number) => Uint8Array;

/** What two sides have agreed on. */
export interface ChannelAgreement {
  readonly suite: CipherSuite;
  readonly keys: SessionKeys;
  readonly consoleSessionId: number;
  readonly bmcSessionId: number;
}

/** Signs, encrypts and numbers the packets of one session, and takes apart those that come back. */
export class SecureChannel {
  readonly agreement: ChannelAgreement;
  readonly #random: RandomOctets;
  readonly #window = new SequenceWindow();
  #lastSequence = 0;

  constructor(agreement: ChannelAgreement, random: RandomOctets) {
    this.agreement = agreement;
    this.#random = random;
  }

  /** A datagram with this payload. Sending a message again needs a new one: numbers are never used twice. */
  seal(payloadType: number, payload: Uint8Array): Uint8Array {
    const { suite, keys, bmcSessionId } = this.agreement;
    this.#lastSequence = this.#lastSequence === 0xffff_ffff ? 1 : this.#lastSequence + 1;
    return encodeRmcp(
      'ipmi',
      encodeRmcpPlusPacket({
        payloadType,
        payload: suite.encrypts ? encryptPayload(keys, this.#random(IV_OCTETS), payload) : payload,
        sessionId: bmcSessionId,
        sequence: this.#lastSequence,
        encrypted: suite.encrypts,
        sign: suite.authCodeOctets === 0 ? undefined : (octets) => packetCode(suite, keys, octets),
      }),
    );
  }

  /**
   * The payload of a packet of this session. Throws WireError for one of another session, for one that is not signed
   * and encrypted as agreed, and for one that was seen before.
   */
  unseal(packet: RmcpPlusPacket): Uint8Array {
    const { suite, keys, consoleSessionId } = this.agreement;
    if (packet.sessionId !== consoleSessionId) {
      throw new WireError('bad-field', `session ${packet.sessionId} is none of ours`);
    }
    const signed = suite.authCodeOctets > 0;
    if (packet.authenticated !== signed || packet.encrypted !== suite.encrypts) {
      throw new WireError('bad-field', 'a packet that is not protected as agreed');
    }
    if (signed) {
      const end = packet.octets.length - suite.authCodeOctets;
      const code = packetCode(suite, keys, packet.octets.subarray(0, Math.max(0, end)));
      if (end < 0 || !codesEqual(code, packet.octets.subarray(end))) {
        throw new WireError('bad-checksum', 'the authentication code of a packet');
      }
      // Only signed numbers mean anything: anybody could write the others.
      if (!this.#window.take(packet.sequence)) {
        throw new WireError('bad-field', `sequence number ${packet.sequence} was seen or is too old`);
      }
    }
    return suite.encrypts ? decryptPayload(keys, packet.payload) : packet.payload;
  }
}
