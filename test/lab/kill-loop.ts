import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { makeSmallRoot } from './boot-root.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { DhcpCrowd } from './dhcp-crowd.ts';
import { LabNetwork } from './namespaces.ts';
import { widen } from './wide-configuration.ts';

/** Machines that ask for their lease again and again all the time: what makes the load. */
const REBOOTING = 60;
const REBOOT_EVERY_MS = 100;

/** Machines that are new in each round. */
const NEWCOMERS = 40;

/** A round is killed at a random moment within this time, once it is under load. */
const KILLED_WITHIN_MS = 300;

interface LeaseAnswer {
  readonly mac: string;
  readonly address: string;
}

/**
 * Kills a daemon under load (SIGKILL), starts it again, and checks that every lease that was ever acknowledged is there
 * and that no address was given to two machines; so many times, each at another moment of its work. Returns how many
 * acknowledgements and machines it was about.
 */
export async function killAgainAndAgain(rounds: number): Promise<{ acks: number; machines: number }> {
  const network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = await widen(network, REBOOTING + rounds * NEWCOMERS * 2);
  // A conflict check would make each newcomer wait for longer than a round lasts.
  const dhcp = { ...configuration.dhcp, 'ping-check': false };
  const options: DaemonOptions = {
    namespace: network.server,
    folder: network.folder,
    tftpRoot,
    configuration: { ...configuration, dhcp },
  };
  let daemon = await Daemon.start(options);
  const crowd = await DhcpCrowd.open(network.client);
  crowd.join({ count: REBOOTING, spreadMs: 0, rebootEveryMs: REBOOT_EVERY_MS });
  await crowd.waitForLeases(REBOOTING, 30_000);
  for (let round = 0; round < rounds; round += 1) {
    crowd.join({ count: NEWCOMERS, spreadMs: KILLED_WITHIN_MS });
    await crowd.waitForMoreAcks(50, 30_000);
    await sleep(Math.random() * KILLED_WITHIN_MS);
    await daemon.kill();
    const killedAt = crowd.events().length;
    const acknowledged = new Map(crowd.leases());
    daemon = await Daemon.start(options);
    await checkLeases(daemon, acknowledged, `round ${round}`);
    expect(crowd.sharedAddresses(killedAt), `round ${round}`).toEqual([]);
  }
  await crowd.waitForLeases(REBOOTING + rounds * NEWCOMERS, 60_000);
  await checkLeases(daemon, crowd.leases(), 'at the end');
  expect(crowd.sharedAddresses(crowd.events().length)).toEqual([]);
  // A machine was at most refused what it had been offered, never what it had.
  let acks = 0;
  const had = new Set<string>();
  for (const { kind, mac, address } of crowd.events()) {
    if (kind === 'ack') had.add(`${mac} ${address}`);
    if (kind === 'ack') acks += 1;
    if (kind === 'nak') expect(had).not.toContain(`${mac} ${address}`);
  }
  await crowd.close();
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  await network.close();
  return { acks, machines: REBOOTING + rounds * NEWCOMERS };
}

async function checkLeases(
  daemon: Daemon,
  acknowledged: ReadonlyMap<string, string>,
  when: string,
): Promise<void> {
  const { leases } = (await daemon.apiBody('GET', '/v1/leases?state=bound')) as { leases: LeaseAnswer[] };
  const holders = new Map(leases.map(({ mac, address }) => [address, mac]));
  const wrong = [...acknowledged].filter(([mac, address]) => holders.get(address) !== mac);
  expect(
    wrong.map(([mac, address]) => `${address} of ${mac} is ${holders.get(address) ?? 'nobody'}'s`),
    `acknowledged leases that are missing or another machine's, ${when}`,
  ).toEqual([]);
}
