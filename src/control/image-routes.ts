import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { formatImageChecksum } from '../boot/image-checksum.ts';
import { parseImageKey } from '../boot/cached-image.ts';
import type { ImageQueries, ImageView } from './image-queries.ts';
import { nullable } from './schema-terms.ts';

const ImageSchema = Type.Object({
  checksum: Type.String({ description: 'As in a boot profile.' }),
  state: Type.Union([Type.Literal('ready'), Type.Literal('fetching')]),
  url: nullable(Type.String({ description: 'Where it comes from, as far as a profile says so.' })),
  size_bytes: nullable(Type.Integer({ description: 'Null while its source does not say.' })),
  received_bytes: Type.Integer({ description: 'How much of it is there.' }),
  in_use: Type.Boolean({ description: 'A profile names it, so it is not removed to make room.' }),
  last_used_at: nullable(Type.String({ description: 'Within an hour.' })),
});

/** `/v1/images`: kernels and ramdisks by URL, with the progress of those on their way. */
export function addImageRoutes(app: FastifyInstance, images: ImageQueries): void {
  app.get(
    '/v1/images',
    {
      schema: {
        tags: ['images'],
        operationId: 'listImages',
        summary: 'Images by URL: those that are kept, and those that are being fetched.',
        response: { 200: Type.Object({ images: Type.Array(ImageSchema) }) },
      },
    },
    () => ({ images: images.list().map(formatImage) }),
  );
}

function formatImage(image: ImageView): Static<typeof ImageSchema> {
  const checksum = parseImageKey(image.key);
  return {
    checksum: checksum === undefined ? image.key : formatImageChecksum(checksum),
    state: image.state,
    url: image.url ?? null,
    size_bytes: image.size ?? null,
    received_bytes: image.received,
    in_use: image.inUse,
    last_used_at: image.lastUsedAt === undefined ? null : new Date(image.lastUsedAt).toISOString(),
  };
}
