import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on stdout: one object an event, its name in `event` (see events.ts), times in ISO 8601. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
