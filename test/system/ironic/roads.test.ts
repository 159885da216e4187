import { afterEach, expect, test } from 'vitest';
import { BackgroundProcess } from '../../lab/processes.ts';
import { liveThrough } from '../../lab/ironic/life-cycle.ts';
import { IronicSite, type Road } from '../../lab/ironic/site.ts';
import { closeLabs, SERVER_ADDRESS } from '../../lab/namespaces.ts';
import { needs } from '../../lab/needs.ts';

// A real Ironic, configured by the fragments of docs/ironic.md, takes a machine from `enroll` to its kernel and back. Each
// road once and each firmware once; test/long/ironic.test.ts has all twelve.

needs('namespaces', 'virtual-machines', 'ironic');

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

test('road A: the stock dnsmasq provider, whose files bootd reads', async () => {
  const here = await open('A');
  await liveThrough(
    here,
    { road: 'A', firmware: 'bios', deployInterface: 'ramdisk' },
    {
      async whileActive(_uuid, { address }) {
        // What Ironic asks the lease file for when it writes links for GRUB.
        expect((await here.leaseFile()).map((line) => line.split(' ')[2])).toEqual([address]);
      },
    },
  );
});

test('road B: the provider of ours; bootd is killed between the deployment and the DISCOVER', async () => {
  const here = await open('B');
  await liveThrough(
    here,
    { road: 'B', firmware: 'uefi', deployInterface: 'ramdisk' },
    {
      async beforeDiscover(uuid) {
        const before = await here.daemon.apiBody('GET', `/v1/nodes/${uuid}`);
        expect(before).toMatchObject({
          boot_mode: 'uefi',
          purpose: 'instance',
          managed_by: 'ironic',
          ports: [{ extra: { gateway_name: '17.100.36.110', gateway_port: '1/1/5', gateway_vlan: 0 } }, {}],
        });
        await here.daemon.kill();
        await here.startDaemon();
        expect(await here.daemon.apiBody('GET', `/v1/nodes/${uuid}`)).toEqual(before);
      },
    },
  );
});

test('road C: the boot interface of ours, and a deployed machine that boots from the network by mistake', async () => {
  const here = await open('C');
  await liveThrough(
    here,
    { road: 'C', firmware: 'bios', deployInterface: 'direct' },
    {
      async whileActive(uuid) {
        const profile = await here.daemon.apiBody('GET', `/v1/nodes/${uuid}/boot-profile`);
        expect(profile).toMatchObject({ purpose: 'instance', policy: 'local-disk', warnings: [] });
        const { ports } = (await here.daemon.apiBody('GET', `/v1/nodes/${uuid}`)) as {
          readonly ports: readonly [{ readonly address: string }];
        };
        const name = `pxelinux.cfg/01-${ports[0].address.replaceAll(':', '-')}`;
        expect(await fetchByTftp(here, name)).toContain('localboot');
      },
    },
  );
});

/** What bootd sends for a name, by busybox's client on the host itself. */
async function fetchByTftp(here: IronicSite, name: string): Promise<string> {
  const words = ['netns', 'exec', here.network.server.name, 'busybox', 'tftp', '-g', '-l', '-', '-r', name];
  const client = BackgroundProcess.start('tftp', 'ip', [...words, SERVER_ADDRESS]);
  await client.ended;
  return client.lines.join('\n');
}
