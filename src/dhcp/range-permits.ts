import type { RangePermit, RangeSettings } from './dhcp-settings.ts';
import type { Situation } from './situation.ts';

/**
 * Whether the client may be given addresses of a range. A permit list lets in only those on it; a deny list wins over it
 * (dhcpd.conf(5), "ADDRESS POOLS"). BOOTP clients keep an address for ever, so a range has to be open to them.
 */
export function mayUseRange(range: RangeSettings, situation: Situation): boolean {
  if (situation.request.kind === 'bootp' && !range.dynamicBootp) return false;
  if (range.deny.some((permit) => covers(permit, situation))) return false;
  return range.allow.length === 0 || range.allow.some((permit) => covers(permit, situation));
}

function covers(permit: RangePermit, { request, machine, classes }: Situation): boolean {
  switch (permit.kind) {
    case 'class':
      return classes.some(({ name }) => name === permit.name);
    case 'known-machines':
      return machine.isKnown;
    case 'unknown-machines':
      return !machine.isKnown;
    case 'bootp':
      return request.kind === 'bootp';
  }
}
