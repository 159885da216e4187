import { parseMac, type Mac } from '../addr/mac.ts';
import type { BootTrace } from '../boot/boot-trace.ts';

/** A trace as it was kept. */
export type KeptTrace = BootTrace;

const VERSION = 1;

/** One line of JSON: the trace's values as they are; what is undefined is left out. */
export function encodeTrace(trace: BootTrace): string {
  const {
    id,
    mac,
    startedAt,
    lastAt,
    endedAt,
    isProbe,
    node,
    firmware,
    architecture,
    isHttpClient,
    loader,
    phase,
    startsLocalDisk,
    systemRuns,
    address,
    interfaceName,
    relayAddress,
    bootFile,
    hostname,
    machineUuid,
    steps,
    omittedSteps,
    consoleLines,
    verdict,
  } = trace;
  return JSON.stringify({
    version: VERSION,
    id,
    mac,
    startedAt,
    lastAt,
    endedAt,
    isProbe,
    node,
    firmware,
    architecture,
    isHttpClient,
    loader,
    phase,
    startsLocalDisk,
    systemRuns,
    address,
    interfaceName,
    relayAddress,
    bootFile,
    hostname,
    machineUuid,
    steps,
    omittedSteps,
    consoleLines,
    verdict,
  });
}

/**
 * The trace of a line; undefined for one that was torn, damaged, or written by a version that knows more. Traces are
 * reports: one that is lost changes nothing, so only what others build on is checked.
 */
export function decodeTrace(line: string): KeptTrace | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isTrace(value) ? value : undefined;
}

function isTrace(value: unknown): value is KeptTrace {
  if (typeof value !== 'object' || value === null) return false;
  const { version, id, mac, startedAt, lastAt, phase, steps, consoleLines } = value as Readonly<
    Record<string, unknown>
  >;
  return (
    version === VERSION &&
    typeof id === 'string' &&
    /^[0-9a-z]{1,12}$/.test(id) &&
    typeof mac === 'string' &&
    (parseMac(mac) satisfies Mac | undefined) === mac &&
    typeof startedAt === 'number' &&
    typeof lastAt === 'number' &&
    typeof phase === 'string' &&
    // Older versions kept none.
    (consoleLines === undefined ||
      (Array.isArray(consoleLines) && consoleLines.every((line: unknown) => typeof line === 'string'))) &&
    Array.isArray(steps) &&
    steps.every(
      (step: unknown) => typeof step === 'object' && step !== null && 'kind' in step && 'at' in step,
    )
  );
}
