import { systemClock } from '../../src/io/clock.ts';
import { TftpService } from '../../src/services/tftp-service.ts';
import { TFTP_DEFAULTS } from '../../src/tftp/tftp-settings.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

/** A TFTP service on interfaces of a namespace: `ROOT INTERFACE...`; its log is what it prints. */
const [root = '', ...names] = process.argv.slice(2);

const service = new TftpService({
  settings: {
    ...TFTP_DEFAULTS,
    root,
    mapFile: undefined,
    secure: true,
    permissive: false,
    followSymlinksTo: [],
    listen: undefined,
    port: 69,
    blockSizeMax: undefined,
    portRange: undefined,
  },
  interfaces: names,
  bootFiles: { forMachine: () => undefined, fallback: () => undefined },
  logger: createLogger('info'),
  metrics: createMetrics(),
  clock: systemClock,
});

process.once('SIGTERM', () => void service.stop());
await service.start();
process.stdout.write('"listening"\n');
