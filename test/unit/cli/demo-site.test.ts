import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { createDemoSite, type DemoSite } from '../../../src/cli/demo-site.ts';
import { readConfiguration } from '../../../src/cli/read-configuration.ts';
import { run } from './run.ts';

async function site(): Promise<DemoSite> {
  const made = await createDemoSite();
  onTestFinished(() => made.remove());
  return made;
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

describe('the demo', () => {
  it('is a private folder that goes away', async () => {
    const made = await site();
    expect(statSync(made.folder).mode & 0o777).toBe(0o700);
    made.remove();
    expect(existsSync(made.folder)).toBe(false);
  });

  it('has a configuration without mistakes, for loopback and high ports', async () => {
    const { configFile, socket, folder } = await site();
    const { settings } = readConfiguration(configFile);
    expect((await run(['check', '--config', configFile])).code).toBe(0);
    expect(settings.interfaces).toEqual(['lo']);
    expect(settings.control.socket).toBe(socket);
    expect(settings.stateDirectory).toBe(join(folder, 'state'));
    const ports = [
      settings.dhcp?.serverPort,
      settings.dhcp?.clientPort,
      settings.tftp?.port,
      settings.http?.listen.port,
    ];
    for (const port of ports) expect(port).toBeGreaterThan(1023);
    expect(new Set(ports.slice(0, 3)).size).toBe(3);
  });

  it("says what the application note's dhcpd.conf says", async () => {
    const dhcp = readConfiguration((await site()).configFile).settings.dhcp!;
    const { parameters, sharedNetworks } = dhcp;
    expect(parameters).toMatchObject({
      authoritative: true,
      filename: '/pxelinux.0',
      allowBootp: true,
      allowBooting: true,
    });
    expect(Buffer.from(parameters.options.get(128)!).toString('hex')).toBe('e44574680000');
    expect(Buffer.from(parameters.options.get(129)!).toString()).toBe('console=ttyS0,115200');
    const [range] = sharedNetworks[0]!.subnets[0]!.ranges;
    expect(range).toMatchObject({ dynamicBootp: true });
    expect(formatIpv4(range!.range.first)).toBe('127.0.0.128');
    expect(formatIpv4(range!.range.last)).toBe('127.0.0.254');
  });

  it('has the same boot files each time, each other than the others, none with a pattern', async () => {
    const [first, second] = [await site(), await site()];
    const names = readdirSync(join(first.folder, 'tftpboot')).filter((name) => name !== 'map-file');
    expect(names.sort()).toEqual([
      'bootx64.efi',
      'grubx64.efi',
      'initrd.img',
      'ldlinux.c32',
      'pxelinux.0',
      'vmlinuz',
    ]);
    const digests = names.map((name) => digest(join(first.folder, 'tftpboot', name)));
    expect(names.map((name) => digest(join(second.folder, 'tftpboot', name)))).toEqual(digests);
    expect(new Set(digests).size).toBe(names.length);
    const kernel = readFileSync(join(first.folder, 'tftpboot/vmlinuz'));
    expect(kernel.indexOf(kernel.subarray(4096, 4608), 4097)).toBe(-1);
    expect(readFileSync(join(first.folder, 'tftpboot/bootx64.efi')).subarray(0, 2).toString()).toBe('MZ');
  });

  it('maps names as the note does, whatever the folder is called', async () => {
    const { configFile } = await site();
    const names = ['pxelinux.0', '/pxelinux.0', '/tftpboot/pxelinux.0'];
    const { out } = await run(['map', '--config', configFile, '--json', ...names]);
    const reports = JSON.parse(out) as { path: string | null; served: { octets: number } }[];
    expect(reports.map(({ path, served }) => [path?.replace(/^\/+/, ''), served.octets])).toEqual(
      names.map(() => ['pxelinux.0', 42_430]),
    );
  });

  it('can be in a folder with a name that means something to a map-file', async () => {
    const before = process.env['TMPDIR'];
    const parent = (await site()).folder;
    const odd = join(parent, 'a b#c.+(d)\\1');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(odd);
    process.env['TMPDIR'] = odd;
    onTestFinished(() => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    const { configFile } = await site();
    const { out } = await run(['map', '--config', configFile, '--json', '/tftpboot/vmlinuz', 'vmlinuz']);
    const reports = JSON.parse(out) as { served: { octets: number } | null }[];
    expect(reports.map(({ served }) => served?.octets)).toEqual([2 * 1024 * 1024, 2 * 1024 * 1024]);
  });
});
