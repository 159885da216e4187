import { noteConfiguration, type Configuration } from './daemon.ts';
import type { LabNetwork } from './namespaces.ts';

/** The server's address on a wire that has room for thousands of machines. */
export const WIDE_SERVER_ADDRESS = '10.20.0.1';

/**
 * Gives the provisioning wire of a lab a network of 65,000 addresses, and returns a configuration that serves DHCP there
 * from a range of this size, beginning with 10.20.1.0. Leases are long: none ends during a test.
 */
export async function widen(network: LabNetwork, rangeSize: number): Promise<Configuration> {
  await network.server.run('ip', ['addr', 'flush', 'dev', 'prov0']);
  await network.server.run('ip', ['addr', 'add', `${WIDE_SERVER_ADDRESS}/16`, 'brd', '+', 'dev', 'prov0']);
  const configuration = noteConfiguration(network.folder);
  const last = 256 + rangeSize - 1;
  return {
    ...configuration,
    dhcp: {
      ...configuration.dhcp,
      'default-lease-time': 7200,
      'next-server': WIDE_SERVER_ADDRESS,
      subnets: [
        { subnet: '10.20.0.0/16', ranges: [{ range: `10.20.1.0-10.20.${last >> 8}.${last & 255}` }] },
      ],
    },
  };
}
