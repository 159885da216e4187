import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, type DaemonOptions } from '../lab/daemon.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

const able = needs('namespaces', 'dnsmasq');
let network: LabNetwork;
let options: DaemonOptions;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  options = { namespace: network.server, folder: network.folder, tftpRoot };
});

afterAll(closeLabs);

test('a port that another program has is named with that program, and is free again after it', async () => {
  const holder = network.server.start('dnsmasq', 'dnsmasq', [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--log-facility=-'],
    ...['--pid-file=', `--dhcp-leasefile=${join(network.folder, 'dnsmasq.leases')}`],
    ...['--interface=prov0', '--bind-interfaces', '--dhcp-range=192.168.0.100,192.168.0.110'],
  ]);
  await holder.waitForLine(/DHCP, IP range/, 10_000);

  const refused = await Daemon.launch(options);
  expect(await refused.ended()).toEqual({ code: 1, signal: null });
  expect(refused.lines.join('\n')).toContain(`port 67 is held by dnsmasq, pid ${holder.pid}`);
  expect(refused.log('daemon.ready')).toEqual([]);

  await holder.stop();
  const served = await Daemon.start(options);
  expect(await served.stop()).toEqual({ code: 0, signal: null });
});
