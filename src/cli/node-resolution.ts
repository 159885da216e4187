import { parseMac } from '../addr/mac.ts';
import { parseNodeUuid, type NodeUuid } from '../boot/node.ts';
import { ControlError, type ControlClient } from './control-client.ts';
import { listOf, recordOf, textOf } from './document.ts';

export type NodeDocument = Readonly<Record<string, unknown>>;

/** Every node, in the order of their UUIDs. */
export async function fetchNodes(client: ControlClient): Promise<readonly NodeDocument[]> {
  const { body } = await client.get('/v1/nodes');
  return listOf(recordOf(body)['nodes']).map(recordOf);
}

/** The UUID of the node that a person means: by UUID, by name, or by the MAC of one of its ports. */
export async function findNode(client: ControlClient, wanted: string): Promise<NodeUuid | undefined> {
  const uuid = parseNodeUuid(wanted);
  if (uuid !== undefined) return uuid;
  const mac = parseMac(wanted);
  const nodes = await fetchNodes(client);
  const matching = nodes.filter((node) =>
    mac === undefined ? node['name'] === wanted : macsOf(node).includes(mac),
  );
  if (matching.length > 1) {
    throw new ControlError(
      409,
      undefined,
      `${matching.length} nodes are called "${wanted}": say which by its UUID`,
    );
  }
  return parseNodeUuid(textOf(matching[0]?.['uuid']) ?? '');
}

/** As findNode; throws where there is none. */
export async function requireNode(client: ControlClient, wanted: string): Promise<NodeUuid> {
  const uuid = await findNode(client, wanted);
  if (uuid === undefined) throw new ControlError(404, undefined, `no node is called "${wanted}"`);
  return uuid;
}

/** The document, or undefined where there is none. */
export async function fetchIfThere(
  client: ControlClient,
  path: string,
): Promise<{ readonly document: NodeDocument; readonly etag: string | undefined } | undefined> {
  try {
    const { body, etag } = await client.get(path);
    return { document: recordOf(body), etag };
  } catch (error) {
    if (error instanceof ControlError && error.status === 404) return undefined;
    throw error;
  }
}

/** MACs of a node's ports. */
export function macsOf(node: NodeDocument): readonly string[] {
  return listOf(node['ports'])
    .map((port) => textOf(recordOf(port)['address']))
    .filter((mac) => mac !== undefined);
}
