import { isLinkLocalIpv6, parseIpv6, zoneOfIpv6 } from '../addr/ipv6.ts';
import type { Located } from './located.ts';
import type { ProblemList } from './problem-list.ts';

/** Reports an address to listen on that is the same on every link, unless it says which one is meant (RFC 4007). */
export function checkZone(written: Located<string>, address: string, problems: ProblemList): void {
  const ipv6 = parseIpv6(address);
  if (ipv6 === undefined || !isLinkLocalIpv6(ipv6) || zoneOfIpv6(address) !== undefined) return;
  problems.error(
    written.place,
    `'${address}' is link-local: write its interface after it, as in '${address}%br-prov'`,
  );
}
