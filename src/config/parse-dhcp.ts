import { DHCP_DEFAULTS, type DhcpSettings } from '../dhcp/dhcp-settings.ts';
import type { Located } from './located.ts';
import { parseOptionDefinitions } from './option-definitions.ts';
import { parseClasses, warnOfIdleClasses } from './parse-classes.ts';
import { parseNetworks } from './parse-networks.ts';
import { parseReservations } from './parse-reservations.ts';
import { parseScope, type DhcpContext } from './parse-scope.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawDhcp } from './raw-dhcp.ts';

const SERVER_PORT = 67;
const CLIENT_PORT = 68;

/** Builds the settings of the `dhcp` section; they may be used only when no error was reported. */
export function parseDhcp(dhcp: Located<RawDhcp>, problems: ProblemList): DhcpSettings {
  const context: DhcpContext = {
    problems,
    catalogue: parseOptionDefinitions(dhcp, problems),
    optionNamesAreComplete: dhcp.value['option-definitions']?.incomplete !== true,
  };
  const scope = parseScope(dhcp.value, {}, context);
  const classes = parseClasses(dhcp, scope.leaseTimes, context);
  const networks = parseNetworks(dhcp, scope.leaseTimes, {
    ...context,
    classes: { names: classes.names, areComplete: dhcp.value.classes?.incomplete !== true },
  });
  warnOfIdleClasses(dhcp, networks, context);
  const reservations = parseReservations(dhcp, networks, scope.leaseTimes, context);
  const mode = dhcp.value.mode?.value ?? 'server';
  warnOfNothingToDo(dhcp, mode, problems);
  return {
    mode,
    answer: dhcp.value.answer?.value ?? 'all',
    serverPort: dhcp.value.port?.value ?? SERVER_PORT,
    clientPort: dhcp.value['client-port']?.value ?? CLIENT_PORT,
    parameters: scope.parameters,
    sharedNetworks: networks.sharedNetworks,
    classes: classes.settings,
    reservations,
    spaceCarriers: new Map(context.catalogue.carriers()),
    offerHoldSeconds: dhcp.value['offer-hold-time']?.value ?? DHCP_DEFAULTS.offerHoldSeconds,
    declineHoldSeconds: dhcp.value['abandon-lease-time']?.value ?? DHCP_DEFAULTS.declineHoldSeconds,
  };
}

function warnOfNothingToDo(dhcp: Located<RawDhcp>, mode: DhcpSettings['mode'], problems: ProblemList): void {
  const { subnets, 'shared-networks': sharedNetworks } = dhcp.value;
  // A list that is there but could not be read has been reported.
  if (mode === 'server' && subnets === undefined && sharedNetworks === undefined && !dhcp.incomplete) {
    problems.warn(dhcp.keyPlace, "no subnet is configured under 'dhcp', so no machine is answered");
  }
}
