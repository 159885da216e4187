import type { Ipv4 } from '../../../src/addr/ipv4.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import type { Link } from '../../../src/dhcp/link.ts';
import type { Reply } from '../../../src/dhcp/outcome.ts';
import type { ReplyRoute } from '../../../src/dhcp/reply-route.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import type { Finding } from '../../../src/rehearsal/finding.ts';
import type { Delivery } from '../../../src/rehearsal/observed-reply.ts';
import { Shadow, type Notice, type PassedMessage } from '../../../src/rehearsal/shadow.ts';
import type { DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { FakeServer, ip, LINK, lookup, type ServerParts } from '../dhcp/fake-view.ts';

const NOBODY = 0 as Ipv4;
const EVERYBODY = ip('255.255.255.255');

/** How the wire is listened to. */
export interface StageOptions extends ServerParts {
  readonly ours?: DhcpSettings;
  readonly isServersHost?: boolean;
  /** The listener's own place on the wire, where it is another host than the server's. */
  readonly ear?: Link;
  readonly server?: Ipv4;
  /** What the shadow knows of leases; for a test to look into. */
  readonly leases?: LeaseTable;
}

/**
 * A server at work and a shadow beside it. The server is a bootd too, which is no cheat: it stands for the one that a difference of
 * settings, or what a test changes of its reply, makes another one.
 */
export class Stage {
  readonly server: FakeServer;
  readonly shadow: Shadow;
  readonly notices: Notice[] = [];
  readonly #wire: PassedMessage['wire'];
  #xid = 0x1000;

  constructor({ ours, isServersHost = true, ear = LINK, server, leases, ...parts }: StageOptions = {}) {
    this.server = new FakeServer(parts);
    const settings = ours ?? this.server.settings;
    this.#wire = { link: ear, isServersHost };
    this.shadow = new Shadow({
      settings,
      nodes: parts.nodes ?? lookup(),
      isIgnored: () => false,
      leases: leases ?? new LeaseTable(allRanges(settings)),
      server,
    });
  }

  /** A request passes, and what the server says to it, after it was changed on the way. */
  pass(
    message: DhcpMessage,
    change: (reply: Reply) => Reply | undefined = (reply) => reply,
  ): readonly Finding[] {
    const from = this.notices.length;
    this.#xid += 1;
    const request = { ...message, xid: this.#xid };
    this.request(request);
    const outcome = this.server.handle(request);
    const reply = outcome.kind === 'reply' ? change(outcome) : undefined;
    if (reply !== undefined) this.reply(reply);
    return findingsOf(this.notices.slice(from));
  }

  /** Only the request passes. */
  request(message: DhcpMessage): void {
    const delivery = { source: NOBODY, destination: EVERYBODY, destinationPort: 67 };
    this.hear({ message, delivery, sourcePort: 68 });
  }

  /** A reply passes, as it went out by its route. */
  reply({ message, route }: Reply): void {
    this.hear({ message, delivery: deliveryOf(route), sourcePort: 67 });
  }

  hear(passed: Omit<PassedMessage, 'wire'>): void {
    this.notices.push(...this.shadow.hear({ ...passed, wire: this.#wire }, this.server.now));
  }

  /** Time passes for both; returns what the shadow found meanwhile. */
  passSeconds(seconds: number): readonly Finding[] {
    const from = this.notices.length;
    for (let second = 0; second < seconds; second += 1) {
      this.server.passSeconds(1);
      this.notices.push(...this.shadow.passTime(this.server.now));
    }
    return findingsOf(this.notices.slice(from));
  }

  conclude(): readonly Finding[] {
    return findingsOf(this.shadow.conclude());
  }
}

export function findingsOf(notices: readonly Notice[]): readonly Finding[] {
  return notices.flatMap((notice) => (notice.kind === 'compared' ? notice.findings : []));
}

/** `aspect: theirs | ours`, and why, where that is known. */
export function shown({ aspect, theirs, ours, explanation }: Finding): string {
  return `${aspect}: ${theirs} | ${ours}${explanation === undefined ? '' : ` (${explanation})`}`;
}

function deliveryOf(route: ReplyRoute): Delivery {
  const destination = route.kind === 'broadcast' ? EVERYBODY : route.address;
  return { source: route.source, destination, destinationPort: route.port };
}
