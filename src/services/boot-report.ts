import { formatIpv4 } from '../addr/ipv4.ts';
import type { BootTrace } from '../boot/boot-trace.ts';
import type { Verdict } from '../boot/verdict.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Tells the log and the metrics how boots ended. */
export class BootReport {
  readonly #logger: Logger;
  readonly #metrics: Metrics;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** A boot is through, or is stuck. What a probe plays is no boot of the machine's, and is not counted. */
  settled(trace: BootTrace, { state, finding }: Verdict): void {
    if (trace.isProbe) return;
    this.#metrics.boots.inc({ verdict: finding.code });
    const isDone = state === 'done';
    this.#logger[isDone ? 'info' : 'warn'](
      {
        event: isDone ? EVENTS.bootDone : EVENTS.bootStuck,
        boot: trace.id,
        mac: trace.mac,
        node: trace.node,
        address: trace.address === undefined ? undefined : formatIpv4(trace.address),
        interface: trace.interfaceName,
        firmware: trace.firmware,
        phase: trace.phase,
        verdict: finding.code,
        seconds: Math.round((trace.lastAt - trace.startedAt) / 1000),
        remedy: isDone ? undefined : finding.remedy,
      },
      `${trace.mac} ${finding.sentence}`,
    );
  }
}
