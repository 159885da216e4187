import { request, type Agent, type IncomingHttpHeaders } from 'node:http';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { FileObservation } from '../../../src/boot/boot-observation.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { BootRoot } from '../../../src/io/boot-root.ts';
import type { BootFileLookup } from '../../../src/services/boot-file-lookup.ts';
import { BootTree, type ImageFiles } from '../../../src/services/boot-tree.ts';
import type { HttpBootLimits } from '../../../src/services/http-boot-host.ts';
import { openHttpBootInline, type OpenHttpBootLink } from '../../../src/services/http-boot-link.ts';
import { HttpBootService } from '../../../src/services/http-boot-service.ts';
import { BootFileOpener } from '../../../src/services/boot-file-opener.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';

/** What a test may change. */
export interface HarnessOptions {
  /** Fills the root before the service starts. */
  readonly prepare?: (root: string) => void;
  readonly bootFiles?: Partial<BootFileLookup>;
  readonly limits?: HttpBootLimits;
  readonly openLink?: OpenHttpBootLink;
  readonly stopGraceMs?: number;
  readonly images?: ImageFiles;
  /** 0 lets the kernel choose. */
  readonly port?: number;
}

/** A service on a port of loopback, with everything that it said. */
export interface RunningHttpBoot {
  readonly service: HttpBootService;
  readonly root: string;
  readonly port: number;
  readonly log: readonly Record<string, unknown>[];
  /** What was observed, but for the beginnings of transfers. */
  readonly events: readonly FileObservation[];
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

/** Starts the service over a root of its own. */
export async function startHttpBoot(options: HarnessOptions = {}): Promise<RunningHttpBoot> {
  const root = mkdtempSync(join(tmpdir(), 'bootd-http-'));
  chmodSync(root, 0o755);
  options.prepare?.(root);
  const log: Record<string, unknown>[] = [];
  const events: FileObservation[] = [];
  const metrics = createMetrics();
  const destination = { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = pino(
    { messageKey: 'message', base: null, formatters: { level: (level) => ({ level }) } },
    destination,
  );
  const bootRoot = new BootRoot({ root, followSymlinksTo: [], permissive: false, chrootLinks: false });
  const service = new HttpBootService({
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    root,
    files: new BootFileOpener(new BootTree(options.images, bootRoot)),
    bootFiles: { forMachine: () => undefined, fallback: () => undefined, ...options.bootFiles },
    logger,
    metrics,
    clock: systemClock,
    observer: (event) => {
      if (event.kind !== 'started') events.push(event);
    },
    openLink: options.openLink ?? openHttpBootInline(options.limits),
    stopGraceMs: options.stopGraceMs ?? 200,
  });
  await service.start().catch((error: unknown) => {
    rmSync(root, { recursive: true, force: true });
    throw error;
  });
  const port = service.address?.port ?? 0;
  const stop = async (): Promise<void> => {
    await service.stop();
    rmSync(root, { recursive: true, force: true });
  };
  return { service, root, port, log, events, metrics, stop };
}

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As they were written. */
  readonly headerNames: readonly string[];
  readonly body: Buffer;
}

/** One request; the path goes out as it is. */
export function ask(
  { port }: { readonly port: number },
  path: string,
  more: { readonly method?: string; readonly headers?: Record<string, string>; readonly agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, ...more, agent: more.agent ?? false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          headerNames: answer.rawHeaders.filter((_, index) => index % 2 === 0),
          body: Buffer.concat(pieces),
        }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}
