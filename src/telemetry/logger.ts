import { pino, type DestinationStream, type LogFn, type Logger } from 'pino';
import { printableJson } from '../wire/visible-text.ts';
import { LogLimit } from './log-limit.ts';

export type { Logger } from 'pino';

/**
 * JSON lines on stdout, or to `destination`: one object an event, its name in `event` (see events.ts), times in ISO 8601. Of what
 * strangers can cause, only so much is written (see log-limit.ts).
 */
export function createLogger(
  level: string,
  destination?: DestinationStream,
  limit: LogLimit = new LogLimit(),
): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      // Host names and files are what strangers call them; a line means the same, and nobody is shown a lie.
      streamWrite: printableJson,
      logMethod(this: Logger, parameters: Parameters<LogFn>, write: LogFn, severity: number): void {
        const [fields] = parameters as readonly unknown[];
        const event =
          typeof fields === 'object' && fields !== null && 'event' in fields ? fields.event : undefined;
        if (limit.admits(event, severity, this)) write.apply(this, parameters);
      },
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
