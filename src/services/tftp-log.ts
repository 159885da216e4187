import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { formatConfigProblem, type ConfigError } from '../config/config-error.ts';
import type { IoError } from '../io/io-error.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import { printable } from '../wire/visible-text.ts';
import { formatMapStep } from '../tftp/map-rules.ts';
import type { TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { TftpEndpoint } from './tftp-endpoints.ts';
import type { TransferEnd, TransferResult } from './tftp-messages.ts';
import type { MappedName, TftpRefusal } from './tftp-resolver.ts';
import { isFailedTransfer, type TftpGranted, type TftpPeer } from './tftp-served.ts';

type Level = 'info' | 'debug';

/** Levels of the lines that in.tftpd writes too. */
interface TftpLineLevels {
  /** `RRQ from ... filename ...`. */
  readonly request: Level;
  /** `sending NAK ...`. */
  readonly refusal: Level;
  /** `remap: ...`. */
  readonly rule: Level;
}

/**
 * What in.tftpd logs at so many `-v`, as lines of level info: requests, then refusals, then each step of the map-file.
 * Without any `-v` the log level alone decides: info shows requests and refusals, debug the steps.
 */
function lineLevelsFor(verbosity: number): TftpLineLevels {
  const from = (needed: number): Level => (verbosity >= needed ? 'info' : 'debug');
  if (verbosity === 0) return { request: 'info', refusal: 'info', rule: 'debug' };
  return { request: from(1), refusal: from(2), rule: from(3) };
}

/** What becomes of requests, in the log: in.tftpd's lines in its words, since admins search for them, and our own. */
export class TftpLog {
  readonly #logger: Logger;
  readonly #levels: TftpLineLevels;

  /** With `-v` its lines are there also where the rest of the log is quieter. */
  constructor(logger: Logger, verbosity: number) {
    const isTooQuiet = verbosity > 0 && !logger.isLevelEnabled('info');
    this.#logger = isTooQuiet ? logger.child({}, { level: 'info' }) : logger;
    this.#levels = lineLevelsFor(verbosity);
  }

  opened({ place, blockSizeMax }: TftpEndpoint, ports: readonly number[], batched: boolean): void {
    const { description: on, limitations } = place;
    this.#logger.info(
      { event: EVENTS.tftpListening, on, blockSizeMax, dataPorts: ports, batched },
      `TFTP is served on ${on}`,
    );
    for (const limitation of limitations) {
      this.#logger.warn({ event: EVENTS.tftpListening, on }, limitation);
    }
  }

  /** The address or interface is gone. */
  closed({ place }: TftpEndpoint): void {
    this.#logger.warn(
      { event: EVENTS.tftpClosed, on: place.description },
      `TFTP is no longer served on ${place.description}, which is gone`,
    );
  }

  /** An interface of the configuration cannot be served yet. */
  awaited(on: string, reason: string): void {
    this.#logger.warn({ event: EVENTS.tftpAwaited, on }, `TFTP waits: ${reason}`);
  }

  /** What was waited for is there, and the sockets had stayed. */
  resumed(on: string): void {
    this.#logger.info({ event: EVENTS.tftpListening, on }, `TFTP is served on ${on} again`);
  }

  notOpened(on: string, error: IoError): void {
    this.#logger.error({ event: EVENTS.tftpClosed, on, err: error }, `${error.message}; it is tried again`);
  }

  /** A request was read and its name mapped; one that a rule refused gets no line, as in in.tftpd. */
  requested(request: TftpRequest, peer: TftpPeer, { mapped, steps, warning }: MappedName): void {
    const event = EVENTS.tftpRequestReceived;
    if (warning !== undefined) this.#logger.warn({ event }, warning);
    const { request: level, rule } = this.#levels;
    if (this.#logger.isLevelEnabled(rule)) {
      for (const step of steps) {
        // The warning has said it.
        if (step.kind !== 'loop') this.#logger[rule]({ event }, formatMapStep(step));
      }
    }
    if (mapped === undefined || !this.#logger.isLevelEnabled(level)) return;
    this.#logger[level](
      { event, ...peerFields(peer) },
      formatRequestLine(request.direction, peer, request.name, mapped),
    );
  }

  refused(peer: TftpPeer, requested: string, { code, message, reason }: TftpRefusal): void {
    const level = this.#levels.refusal;
    if (!this.#logger.isLevelEnabled(level)) return;
    this.#logger[level](
      {
        event: EVENTS.tftpRequestRefused,
        ...peerFields(peer),
        file: printable(requested),
        code,
        reason,
      },
      formatRefusalLine(code, message, peer),
    );
  }

  /** A request could not be dealt with, and gets no answer: a mistake of ours. */
  failed(peer: TftpPeer, requested: string, error: unknown): void {
    const file = printable(requested);
    const { address } = peerFields(peer);
    this.#logger.error(
      { event: EVENTS.tftpRequestFailed, address, file, err: error },
      'a request failed inside bootd',
    );
  }

  overloaded(active: number): void {
    this.#logger.warn(
      { event: EVENTS.tftpRequestRefused, active },
      `${active} transfers are under way; further requests wait until the clients ask again`,
    );
  }

  /** A name was found only with its leading slashes collapsed. */
  collapsed(requested: string, peer: TftpPeer, path: string): void {
    const { address } = peerFields(peer);
    const file = printable(path);
    this.#logger.warn(
      { event: EVENTS.tftpRequestReceived, address, file },
      `served ${file} for ${printable(requested)}: pxelinux puts the folder of its boot file before ` +
        'an absolute path; name the boot file without its leading slash to be rid of this',
    );
  }

  granted({ peer, path, source, size }: TftpGranted): void {
    if (!this.#logger.isLevelEnabled('debug')) return;
    this.#logger.debug(
      {
        event: EVENTS.tftpTransferStarted,
        ...peerFields(peer),
        file: printable(path),
        source,
        bytes: size,
      },
      'a transfer begins',
    );
  }

  ended({ peer, path, source, node }: TftpGranted, end: TransferEnd, durationMs: number): void {
    const failed = isFailedTransfer(end.result);
    const level = failed ? 'warn' : 'info';
    if (!this.#logger.isLevelEnabled(level)) return;
    const file = printable(path);
    const fields = peerFields(peer);
    this.#logger[level](
      {
        event: failed ? EVENTS.tftpTransferFailed : EVENTS.tftpTransferDone,
        ...fields,
        file,
        source,
        node,
        result: end.result,
        bytes: end.bytes,
        ms: Math.round(durationMs),
        retransmissions: end.retransmissions,
      },
      describeEnd(end, file, fields.address),
    );
  }

  mapLoaded(rules: number): void {
    this.#logger.info({ event: EVENTS.tftpMapLoaded, rules }, `the map-file was read again: ${rules} rules`);
  }

  mapRejected(error: ConfigError): void {
    for (const problem of error.problems) {
      this.#logger.error(
        { event: EVENTS.tftpMapFailed, place: formatConfigProblem(problem) },
        `${problem.message}; the old rules stay in force`,
      );
    }
  }

  /** A change of the map-file would not be noticed. */
  mapNotWatched(error: unknown): void {
    this.#logger.warn(
      { event: EVENTS.tftpMapFailed, err: error },
      'the kernel has no watch for the map-file; it is looked at every two seconds',
    );
  }

  dataPlaneDied(error: Error, lost: number): void {
    this.#logger.error(
      { event: EVENTS.tftpThreadFailed, err: error },
      `the thread that sends files failed and is started again; ${lost} transfers are lost`,
    );
  }
}

/** Address of a peer as in.tftpd writes it, without the port. */
export function formatTftpPeer(address: Ipv4 | string): string {
  return typeof address === 'string' ? address : formatIpv4(address);
}

/** What a client said when it ended a transfer, or the operating system's code. */
export function detailOfEnd({ error, osCode }: TransferEnd): string | undefined {
  return error?.from === 'client' ? `${error.code} ${error.message}` : osCode;
}

function peerFields({ address, port }: TftpPeer): { readonly address: string; readonly port: number } {
  return { address: formatTftpPeer(address), port };
}

/** `RRQ from ADDR filename NAME`, or what it was remapped to. */
function formatRequestLine(
  direction: 'read' | 'write',
  peer: TftpPeer,
  requested: string,
  mapped: string,
): string {
  const kind = direction === 'read' ? 'RRQ' : 'WRQ';
  const line = `${kind} from ${formatTftpPeer(peer.address)} filename ${printable(requested)}`;
  return requested === mapped ? line : `${line} remapped to ${printable(mapped)}`;
}

/** `sending NAK (CODE, TEXT) to ADDR`. */
function formatRefusalLine(code: number, message: string, peer: TftpPeer): string {
  return `sending NAK (${code}, ${printable(message)}) to ${formatTftpPeer(peer.address)}`;
}

const ENDINGS: Readonly<Record<TransferResult, string>> = {
  done: 'was sent whole',
  probed: 'was closed after its size was told',
  closed: 'was closed by the client, which had seen enough of it',
  aborted: 'was given up by the client',
  timeout: 'was not sent to its end: the client fell silent',
  truncated: 'was not sent to its end: the file became shorter meanwhile',
  'read-failed': 'was not sent to its end: it could not be read',
  replaced: 'was not sent to its end: the client asked anew',
  duplicate: 'is being sent already',
  stopped: 'was not sent to its end: bootd stopped or lost the interface',
};

function describeEnd(end: TransferEnd, file: string, address: string): string {
  const detail = detailOfEnd(end);
  const words = detail === undefined ? '' : ` (${printable(detail)})`;
  return `${file} to ${address} ${ENDINGS[end.result]}${words}`;
}
