import type { BootdSettings } from '../config/settings.ts';
import { BootRoot } from '../io/boot-root.ts';
import { systemClock } from '../io/clock.ts';
import { BootFileService } from '../services/boot-file-service.ts';
import { BootTree } from '../services/boot-tree.ts';
import { HttpBootService, type HttpBootServiceParts } from '../services/http-boot-service.ts';
import type { ImageService } from '../services/image-service.ts';
import { PeerMemory } from '../services/peer-memory.ts';
import { BootFileOpener } from '../services/boot-file-opener.ts';
import { TftpService } from '../services/tftp-service.ts';
import { describeTftpEvent } from '../services/tftp-trace.ts';
import type { BootPart } from './boot-part.ts';
import type { Foundation } from './foundation.ts';
import { healthCheck, type HousePart } from './house-part.ts';
import type { NodePart } from './node-part.ts';

/** Who serves boot files. */
export interface FilePart extends HousePart {
  readonly tftp: TftpService | undefined;
}

/** Rendered boot files and the boot root, by TFTP and by HTTP. */
export function buildFiles(foundation: Foundation, nodePart: NodePart, bootPart: BootPart): FilePart {
  const bootFiles = buildBootFiles(foundation, nodePart, bootPart);
  const tftp = buildTftp(foundation, nodePart, bootPart, bootFiles);
  const http = buildHttpBoot(foundation, nodePart, bootPart, bootFiles);
  return {
    tftp,
    services: [tftp, http].filter((service) => service !== undefined),
    checks: () => [
      ...(tftp === undefined ? [] : [healthCheck('tftp', tftp.problems)]),
      ...(http === undefined ? [] : [healthCheck('http-boot', http.problems)]),
    ],
    answer: () => Promise.all([tftp?.answer(), http?.answer()]),
    async prepare(next) {
      const useTftp = next.tftp && (await tftp?.prepare(next.tftp));
      return () => {
        bootFiles.adopt({ unknownMachines: next.unknownMachines });
        http?.adopt(httpBootFiles(next, nodePart.images));
        return useTftp?.();
      };
    },
  };
}

function buildBootFiles(
  { settings, registry, clock, logger, metrics }: Foundation,
  { nodes, rendering }: NodePart,
  { probes, macOfAddress, boots }: BootPart,
): BootFileService {
  const givesAddresses = settings.dhcp?.mode === 'server';
  return new BootFileService({
    registry,
    peers: givesAddresses ? undefined : new PeerMemory(clock),
    rendering,
    macOfAddress,
    unknownMachines: settings.unknownMachines,
    probes,
    renderingFailed: (failure) => boots.observeRenderingFailure(failure),
    completeBoot: (uuid) => void nodes.execute({ kind: 'boot-profile.complete', uuid, at: clock.now() }),
    logger,
    metrics,
  });
}

function buildTftp(
  { settings, inherited, keeper, tftpVerbosity, logger, metrics }: Foundation,
  { images }: NodePart,
  { boots }: BootPart,
  bootFiles: BootFileService,
): TftpService | undefined {
  const { tftp, interfaces } = settings;
  if (tftp === undefined) return undefined;
  return new TftpService({
    settings: tftp,
    interfaces,
    inherited,
    keeper,
    bootFiles,
    images,
    logger,
    verbosity: tftpVerbosity,
    metrics,
    clock: systemClock,
    observer: (event) => {
      bootFiles.observe(event);
      const observation = describeTftpEvent(event);
      if (observation !== undefined) boots.observeFile(observation);
    },
  });
}

function buildHttpBoot(
  { settings, clock, logger, metrics }: Foundation,
  { images }: NodePart,
  { boots }: BootPart,
  bootFiles: BootFileService,
): HttpBootService | undefined {
  if (settings.httpBoot === undefined) return undefined;
  return new HttpBootService({
    listen: settings.httpBoot.listen,
    ...httpBootFiles(settings, images),
    bootFiles,
    logger,
    metrics,
    clock,
    observer: (observation) => {
      bootFiles.observeFile(observation);
      boots.observeFile(observation);
    },
  });
}

/** What HTTP serves is what TFTP serves; openings of its own, so that neither waits for the other's. */
function httpBootFiles(
  { tftp, httpBoot }: BootdSettings,
  images: ImageService,
): Pick<HttpBootServiceParts, 'root' | 'files'> {
  const root = httpBoot?.root;
  const { permissive, followSymlinksTo, secure } = tftp ?? TFTP_DEFAULTS_OF_FILES;
  const files =
    root === undefined
      ? undefined
      : new BootRoot({ root, permissive, followSymlinksTo, chrootLinks: secure });
  return { root, files: new BootFileOpener(new BootTree(images, files)) };
}

/** Without TFTP: what its section leaves out means. */
const TFTP_DEFAULTS_OF_FILES = { permissive: false, followSymlinksTo: [], secure: true } as const;
