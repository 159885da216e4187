import type { Ipv4 } from '../addr/ipv4.ts';
import type { FileObservation, FileStarted } from '../boot/boot-observation.ts';
import type { MapStep } from '../tftp/map-rules.ts';
import type { TftpEvent, TftpGranted } from './tftp-served.ts';

/** What boot traces hear of a TFTP request; undefined for a client over IPv6, whose machine is not known. */
export function describeTftpEvent(event: TftpEvent): FileObservation | undefined {
  const { address } = event.kind === 'refused' ? event.peer : event.grant.peer;
  if (typeof address !== 'number') return undefined;
  switch (event.kind) {
    case 'refused': {
      const { requested, mapped, reason, message, steps } = event;
      return {
        kind: 'refused',
        via: 'tftp',
        peer: address,
        requested,
        mapped: mapped ?? requested,
        rule: lastRule(steps),
        reason,
        message,
      };
    }
    case 'started':
      return { kind: 'started', ...describeFile(event.grant, address) };
    case 'served': {
      const { result, bytes, durationMs, retransmissions, detail } = event;
      const file = describeFile(event.grant, address);
      return { kind: 'ended', ...file, ending: result, bytes, durationMs, retransmissions, detail };
    }
  }
}

function describeFile(grant: TftpGranted, peer: Ipv4): Omit<FileStarted, 'kind'> {
  const { id, requested, path, source, node, generation, size, modifiedAt } = grant;
  return {
    via: 'tftp',
    peer,
    transfer: String(id),
    requested,
    path,
    source,
    node,
    generation: source === 'disk' ? undefined : generation,
    modifiedAt,
    size,
  };
}

/** The last rule that changed the name. */
function lastRule(steps: readonly MapStep[]): number | undefined {
  let name = steps[0]?.name;
  let rule: number | undefined;
  for (const step of steps) {
    if (step.kind === 'rewrite' && step.name !== name) rule = step.rule;
    name = step.name;
  }
  return rule;
}
