import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { BootReport, Machine } from '../virtual-machine.ts';
import type { Chassis } from './chassis.ts';
import { INSTANCE_ARGUMENT, type NodePlan, type ProviderCall } from './ironic.ts';
import { planFor, type IronicSite, type Road } from './site.ts';

/** One of the ways through which a node can go. */
export interface Course {
  readonly road: Road;
  readonly firmware: Machine['firmware'];
  readonly deployInterface: NodePlan['deployInterface'];
}

/** What a test does between two steps, to see whether it matters. */
export interface Disturbances {
  /** Ironic has published everything and switched the machine on; the machine waits for this before it does anything. */
  readonly beforeDiscover?: (uuid: string) => Promise<void>;
  /** The node is active. */
  readonly whileActive?: (uuid: string, report: BootReport) => Promise<void>;
  /** In place of the plain undeploy. */
  readonly undeploy?: (uuid: string) => Promise<void>;
}

interface RecordedCase {
  readonly deploy: readonly ProviderCall[];
  readonly finish?: readonly ProviderCall[];
  readonly undeploy: readonly ProviderCall[];
}

const RECORDED = JSON.parse(
  readFileSync(new URL('../../data/ironic/provider-calls.json', import.meta.url), 'utf8'),
) as { readonly cases: Readonly<Record<string, RecordedCase>> };

let machines = 0;

/** A machine with a MAC of its own. */
export function newMachine(firmware: Machine['firmware']): Machine {
  machines += 1;
  return { firmware, mac: `52:54:00:b0:08:${machines.toString(16).padStart(2, '0')}` };
}

/**
 * Takes a node through its whole life: enroll, manage, provide, deploy, boot, undeploy, delete; and holds each step to what
 * must be so after it, on the machine's console, in bootd, and on the disk.
 */
export async function liveThrough(
  site: IronicSite,
  course: Course,
  disturbances: Disturbances = {},
): Promise<void> {
  const { ironic } = site;
  const { firmware, deployInterface, road } = course;
  const chassis = await site.addChassis(newMachine(firmware));
  const name = `${road}-${firmware}-${deployInterface}`;
  const plan: NodePlan = { name, chassis, ...planFor(road), deployInterface };

  const uuid = await ironic.enroll(plan);
  await ironic.makeAvailable(uuid);
  expect(await nodesOf(site)).not.toContain(uuid);

  let letGo = (): void => undefined;
  chassis.holdUntil(new Promise((resolve) => (letGo = resolve)));
  await ironic.deploy(uuid, plan);
  expectFiles(site, course, uuid, chassis);
  await disturbances.beforeDiscover?.(uuid);
  letGo();
  const report = await chassis.latestBoot();
  expect(report.commandLine).toContain(
    deployInterface === 'ramdisk' ? INSTANCE_ARGUMENT : 'ipa-api-url=http://192.168.0.1:6385',
  );
  if (deployInterface === 'direct') {
    await ironic.finishByAgent(uuid, chassis);
    // Nothing of the deploy ramdisk is left for a machine that boots from the network by mistake.
    expect(existsSync(join(site.root, uuid, 'config'))).toBe(false);
  }
  await disturbances.whileActive?.(uuid, report);

  if (disturbances.undeploy === undefined) await ironic.target(uuid, 'deleted', 'available');
  else await disturbances.undeploy(uuid);
  expect(await nodesOf(site)).not.toContain(uuid);
  expect(existsSync(join(site.root, uuid))).toBe(false);
  expect(linksTo(site)).toEqual([]);
  expectCalls(course, await ironic.providerCalls(uuid));
  expect((await chassis.journal()).at(-1)).toBe('power 0');
  await ironic.delete(uuid);
}

/** The UUIDs that bootd knows. */
export async function nodesOf(site: IronicSite): Promise<readonly string[]> {
  const { nodes } = (await site.daemon.apiBody('GET', '/v1/nodes')) as {
    readonly nodes: readonly { readonly uuid: string }[];
  };
  return nodes.map(({ uuid }) => uuid);
}

/** With the boot interface `bootd` Ironic writes images and nothing else; with `pxe` it writes configurations and links. */
function expectFiles(
  site: IronicSite,
  { road, firmware, deployInterface }: Course,
  uuid: string,
  { machine }: Chassis,
): void {
  const images = deployInterface === 'ramdisk' ? ['kernel', 'ramdisk'] : ['deploy_kernel', 'deploy_ramdisk'];
  const withConfig = road === 'C' ? images : ['config', ...images];
  expect(readdirSync(join(site.root, uuid)).sort()).toEqual(withConfig);
  const link =
    firmware === 'bios' ? `pxelinux.cfg/01-${machine.mac.replaceAll(':', '-')}` : `${machine.mac}.conf`;
  expect(existsSync(join(site.root, link))).toBe(road !== 'C');
}

/** The links for machines below the TFTP root. */
function linksTo(site: IronicSite): readonly string[] {
  const folder = join(site.root, 'pxelinux.cfg');
  const pxelinux = existsSync(folder) ? readdirSync(folder) : [];
  return [...pxelinux, ...readdirSync(site.root).filter((name) => /\.conf$|^grub\.cfg-/.test(name))];
}

/**
 * The calls of the DHCP provider are those that were recorded from the same release with its stock provider. On road C the
 * boot interface decides when to call, so only the options are compared, and that the last word is to clean up.
 */
function expectCalls(course: Course, seen: readonly ProviderCall[]): void {
  const recorded = RECORDED.cases[`${course.firmware}/${course.deployInterface}`];
  if (recorded === undefined) throw new Error('there is no such case among the recorded ones');
  const expected = [...recorded.deploy, ...(recorded.finish ?? []), ...recorded.undeploy];
  if (course.road === 'C') {
    const options = expected.find(({ method }) => method === 'update_dhcp_opts')?.options;
    for (const call of seen.filter(({ method }) => method === 'update_dhcp_opts')) {
      expect(call.options).toEqual(options);
    }
    expect(seen.some(({ method }) => method === 'update_dhcp_opts')).toBe(true);
    expect(seen.at(-1)?.method).toBe('clean_dhcp_opts');
    return;
  }
  const shown = seen.map(({ method, options }) => ({ method, options: options ?? [] }));
  expect(shown).toEqual(expected.map(({ method, options }) => ({ method, options: options ?? [] })));
}
