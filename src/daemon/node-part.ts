import type { RenderingContext } from '../boot/boot-files.ts';
import { formatConfigProblem } from '../config/config-error.ts';
import { SHIPPED_TEMPLATES } from '../config/load-config.ts';
import { publishNodes } from '../services/event-sources.ts';
import { ImageService } from '../services/image-service.ts';
import { NodeService } from '../services/node-service.ts';
import { filePresence } from '../services/profile-warnings.ts';
import { TemplateService } from '../services/template-service.ts';
import { createNodeStore } from '../store/node-store.ts';
import type { Foundation } from './foundation.ts';
import { healthCheck, type HousePart } from './house-part.ts';

/** The nodes, and what their boot files are made from. */
export interface NodePart extends HousePart {
  readonly nodes: NodeService;
  readonly images: ImageService;
  /** What a boot file is rendered with, of this moment. */
  readonly rendering: () => RenderingContext;
}

/** Templates, nodes and the images that their profiles name. */
export function buildNodes(foundation: Foundation): NodePart {
  const { settings, inForce, registry, store, events, clock, logger, metrics } = foundation;
  const templates = new TemplateService({
    folder: settings.templatesDirectory,
    shippedFolder: SHIPPED_TEMPLATES,
    logger,
    metrics,
  });
  const rendering = (): RenderingContext => ({
    templates,
    tftpRoot: inForce.settings.tftp?.root,
    tftpServer: inForce.settings.dhcp?.parameters.nextServer,
  });
  const images = new ImageService({ settings: settings.images, registry, clock, logger, metrics });
  let files = filePresence(settings.tftp, images);
  const nodes = new NodeService({
    registry,
    store: createNodeStore(store),
    rendering,
    files: { isServed: (path) => files.isServed(path) },
    images,
    dhcpSettings: () => inForce.settings.dhcp,
    onChange: publishNodes(events),
    logger,
    metrics,
  });
  return {
    nodes,
    images,
    rendering,
    services: [templates, nodes, images],
    checks: () => [healthCheck('templates', templates.problems.map(formatConfigProblem))],
    async prepare(next) {
      const useTemplates = await templates.prepare(next.templatesDirectory);
      return () => {
        files = filePresence(next.tftp, images);
        images.adopt(next.images);
        nodes.reportConflicts();
        return useTemplates();
      };
    },
  };
}
