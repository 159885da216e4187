import { parseMac, type Mac } from '../addr/mac.ts';
import type { BootTrace } from '../boot/boot-trace.ts';

const VERSION = 1;

/** What is kept of a trace: all of it. The compiler asks for a line here when a trace learns something new. */
const MEMBERS: Readonly<Record<keyof BootTrace, true>> = {
  id: true,
  mac: true,
  startedAt: true,
  lastAt: true,
  endedAt: true,
  isProbe: true,
  node: true,
  firmware: true,
  architecture: true,
  isHttpClient: true,
  loader: true,
  phase: true,
  startsLocalDisk: true,
  systemRuns: true,
  address: true,
  interfaceName: true,
  relayAddress: true,
  bootFile: true,
  hostname: true,
  machineUuid: true,
  steps: true,
  omittedSteps: true,
  consoleLines: true,
  verdict: true,
};

/** One line of JSON: the trace's values as they are; what is undefined is left out. */
export function encodeTrace(trace: BootTrace): string {
  const kept = Object.keys(MEMBERS).map((name) => [name, trace[name as keyof BootTrace]]);
  return JSON.stringify({ version: VERSION, ...Object.fromEntries(kept) });
}

/**
 * The trace of a line; undefined for one that was torn, damaged, or written by a version that knows more. Traces are
 * reports: one that is lost changes nothing, so only what others build on is checked.
 */
export function decodeTrace(line: string): BootTrace | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isTrace(value) ? value : undefined;
}

function isTrace(value: unknown): value is BootTrace {
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
    Number.isFinite(startedAt) &&
    Number.isFinite(lastAt) &&
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
