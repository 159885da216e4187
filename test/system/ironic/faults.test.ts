import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { newMachine, nodesOf } from '../../lab/ironic/life-cycle.ts';
import type { NodePlan } from '../../lab/ironic/ironic.ts';
import { IronicSite, planFor, type Road } from '../../lab/ironic/site.ts';
import { closeLabs } from '../../lab/namespaces.ts';
import { needs } from '../../lab/needs.ts';

// What an operator meets: bootd is away when Ironic wants something, Ironic itself is restarted, a machine is enrolled
// anew. `bootd probe` plays the machines, so that no emulated one has to boot each time.

needs('namespaces', 'virtual-machines', 'ironic');

const SOCKET = '/run/bootd/control.sock';

let site: IronicSite | undefined;

async function open(road: Road): Promise<IronicSite> {
  site = await IronicSite.open(road);
  return site;
}

afterEach(async () => {
  await site?.close();
  site = undefined;
  await closeLabs();
});

/** A machine that stays where it is when Ironic switches it on, enrolled and available. */
async function availableNode(
  here: IronicSite,
  road: Road,
  firmware: 'bios' | 'uefi',
): Promise<{ uuid: string; plan: NodePlan; mac: string }> {
  const chassis = await here.addChassis(newMachine(firmware));
  chassis.holdUntil(new Promise(() => undefined));
  const plan: NodePlan = {
    name: `fault-${firmware}`,
    chassis,
    ...planFor(road),
    deployInterface: 'ramdisk',
  };
  const uuid = await here.ironic.enroll(plan);
  await here.ironic.makeAvailable(uuid);
  return { uuid, plan, mac: chassis.machine.mac };
}

/** Plays the machine; 0 is a kernel and ramdisk that came whole, 1 a chain that breaks. */
async function expectBoot(
  here: IronicSite,
  mac: string,
  firmware: 'bios' | 'uefi',
  code: number,
): Promise<void> {
  const probe = await here.probe(mac, firmware === 'bios' ? 'bios' : 'uefi-x64');
  expect(probe.code, probe.text).toBe(code);
}

test('bootd away at deploy and at undeploy, and Ironic restarted in between', async () => {
  const here = await open('C');
  const { ironic } = here;
  const { uuid, plan, mac } = await availableNode(here, 'C', 'bios');

  await here.daemon.kill();
  await expect(ironic.deploy(uuid, plan)).rejects.toThrow(/deploy failed/);
  const failed = await ironic.node(uuid);
  expect(failed.last_error).toContain('bootd');
  expect(failed.last_error).toContain(SOCKET);
  expect(failed.last_error).toContain('systemctl start bootd');

  await here.startDaemon();
  await ironic.target(uuid, 'active', 'active');
  await expectBoot(here, mac, 'bios', 0);

  const published = {
    node: await here.daemon.apiBody('GET', `/v1/nodes/${uuid}`),
    profile: await here.daemon.apiBody('GET', `/v1/nodes/${uuid}/boot-profile`),
  };
  await ironic.stop();
  await ironic.resume();
  expect((await ironic.node(uuid)).provision_state).toBe('active');
  expect(await here.daemon.apiBody('GET', `/v1/nodes/${uuid}`)).toEqual(published.node);
  expect(await here.daemon.apiBody('GET', `/v1/nodes/${uuid}/boot-profile`)).toEqual(published.profile);

  await here.daemon.kill();
  await expect(ironic.target(uuid, 'deleted', 'available')).rejects.toThrow(/'error'/);
  const stuck = await ironic.node(uuid);
  expect(stuck.last_error).toContain(SOCKET);
  expect(stuck.last_error).toContain('systemctl start bootd');
  await here.startDaemon();
  await ironic.target(uuid, 'deleted', 'available');
  expect(await nodesOf(here)).toEqual([]);
  expect(existsSync(join(here.root, uuid))).toBe(false);
});

test("the application note's own way: nobody tells bootd anything, and Ironic's files and links do it", async () => {
  const here = await open('none');
  for (const firmware of ['bios', 'uefi'] as const) {
    const { uuid, plan, mac } = await availableNode(here, 'none', firmware);
    await here.ironic.deploy(uuid, plan);
    expect(await nodesOf(here)).toEqual([]);
    await expectBoot(here, mac, firmware, 0);
    await here.ironic.target(uuid, 'deleted', 'available');
    await expectBoot(here, mac, firmware, 1);
  }
});
