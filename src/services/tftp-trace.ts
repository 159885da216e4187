import type { FileObservation, FileStarted } from '../boot/boot-observation.ts';
import type { MapStep } from '../tftp/map-rules.ts';
import type { TftpEvent, TftpGranted } from './tftp-served.ts';

/** What boot traces hear of a TFTP request; undefined for a client over IPv6, whose machine is not known. */
export function describeTftpEvent(event: TftpEvent): FileObservation | undefined {
  const { address } = event.peer;
  if (typeof address !== 'number') return undefined;
  if (event.kind === 'refused') {
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
  const file = { ...describeFile(event), peer: address, transfer: String(event.id) };
  if (event.kind === 'started') return { kind: 'started', ...file };
  const { result, bytes, durationMs, retransmissions, detail } = event;
  return { kind: 'ended', ...file, ending: result, bytes, durationMs, retransmissions, detail };
}

function describeFile(event: TftpGranted): Omit<FileStarted, 'kind' | 'peer' | 'transfer'> {
  const { requested, path, source, node, generation, size, modifiedAt } = event;
  return {
    via: 'tftp',
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
