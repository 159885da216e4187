import { formatIpv4 } from '../addr/ipv4.ts';
import type { NodeCommand, NodeRefusal } from '../boot/node-registry.ts';
import type { NodeCommands } from './node-commands.ts';
import { ProblemError } from './problem.ts';

/** Carries a command out; throws ProblemError unless it is in effect and on disk. */
export async function carryOut(nodes: NodeCommands, command: NodeCommand): Promise<void> {
  const result = await nodes.execute(command);
  switch (result.kind) {
    case 'done':
      return;
    case 'refused':
      throw refusalProblem(result.refusal);
    case 'address-reserved':
      throw new ProblemError(
        'address-taken',
        `${formatIpv4(result.address)}, the fixed address of ${result.mac}, is reserved for ${result.holder} in the configuration`,
      );
    case 'unrenderable':
      throw new ProblemError('template-failed', result.reason);
    case 'no-image': {
      const { part, code, reason } = result;
      const pointer = code === 'checksum-mismatch' ? `/${part}_checksum` : `/${part}`;
      throw new ProblemError(IMAGE_PROBLEMS[code], reason, [{ pointer, detail: reason }]);
    }
    case 'not-kept':
      throw new ProblemError('not-kept', result.reason);
  }
}

const IMAGE_PROBLEMS = {
  'source-failed': 'image-not-fetched',
  'checksum-mismatch': 'image-checksum-mismatch',
  'no-room': 'image-no-room',
} as const;

function refusalProblem(refusal: NodeRefusal): ProblemError {
  switch (refusal.kind) {
    case 'mac-taken':
      return new ProblemError('mac-taken', `${refusal.mac} belongs to node ${refusal.owner}`);
    case 'address-taken':
      return new ProblemError(
        'address-taken',
        `${formatIpv4(refusal.address)} is the fixed address of a port of node ${refusal.owner}`,
      );
    case 'node-unknown':
      return new ProblemError('node-not-found', `There is no node ${refusal.uuid}; put it first`);
    case 'profile-unknown':
      return new ProblemError('unknown-profile', `There is no shared profile "${refusal.name}"`, [
        { pointer: '/name', detail: 'names no shared profile' },
      ]);
    case 'profile-in-use':
      return new ProblemError(
        'profile-in-use',
        `"${refusal.name}" is the boot profile of ${refusal.nodes.length} node(s): ${refusal.nodes.slice(0, 5).join(', ')}`,
      );
    case 'precondition-failed':
      return new ProblemError(
        'precondition-failed',
        refusal.generation === undefined
          ? 'There is no such record'
          : `It is at generation ${refusal.generation} now`,
      );
  }
}
