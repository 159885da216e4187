import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';

let folder: string;
let config: string;
let units: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-units-'));
  config = join(folder, 'bootd.yaml');
  units = join(folder, 'units');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DHCP =
  'dhcp: { subnets: [{ subnet: 192.168.0.0/24, ranges: [{ range: 192.168.0.9-192.168.0.99 }] }] }\n';
const STATE = 'state-directory: /var/lib/bootd\n';

function write(text: string): void {
  writeFileSync(config, text);
}

function written(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(units).map((name) => [name, readFileSync(join(units, name, '10-bootd.conf'), 'utf8')]),
  );
}

describe('bootd units', () => {
  it('ties a socket unit of each conversation to each interface, and has the service want them', async () => {
    write(`${STATE}interfaces: [br-prov, bond0.42]\n${DHCP}tftp: { root: /tftpboot }\n`);
    expect(await run(['units', '--config', config, '--write', units])).toEqual({ code: 0, out: '', err: '' });
    const files = written();
    expect(Object.keys(files)).toEqual([
      'bootd-dhcp@bond0.42.socket.d',
      'bootd-dhcp@br-prov.socket.d',
      'bootd-tftp@bond0.42.socket.d',
      'bootd-tftp@br-prov.socket.d',
      'bootd.service.d',
    ]);
    expect(files['bootd-dhcp@bond0.42.socket.d']).toBe(
      `# Written by \`bootd units\` from ${config}\n[Socket]\nListenDatagram=\nListenDatagram=0.0.0.0:67\nBindToDevice=bond0.42\n`,
    );
    expect(files['bootd-tftp@br-prov.socket.d']).toContain('0.0.0.0:69\nBindToDevice=br-prov\n');
    expect(files['bootd.service.d']).toBe(
      `# Written by \`bootd units\` from ${config}\n[Unit]\n` +
        'Wants=bootd-dhcp@br-prov.socket\nWants=bootd-dhcp@bond0.42.socket\n' +
        'Wants=bootd-tftp@br-prov.socket\nWants=bootd-tftp@bond0.42.socket\n',
    );
  });

  it('removes what an earlier run wrote and nothing else', async () => {
    write(`${STATE}interfaces: [eth1]\n${DHCP}`);
    mkdirSync(join(units, 'bootd-dhcp@mine.socket.d'), { recursive: true });
    writeFileSync(join(units, 'bootd-dhcp@mine.socket.d/10-bootd.conf'), '[Socket]\nBindToDevice=mine\n');
    writeFileSync(join(units, 'bootd-tftp@br-prov.socket.d/90-mine.conf'), '[Socket]\nReceiveBuffer=8M\n');
    expect((await run(['units', '--config', config, '--write', units])).code).toBe(0);
    expect(readdirSync(units).sort()).toEqual([
      'bootd-dhcp@eth1.socket.d',
      'bootd-dhcp@mine.socket.d',
      'bootd-tftp@br-prov.socket.d',
      'bootd.service.d',
    ]);
    expect(readdirSync(join(units, 'bootd-tftp@br-prov.socket.d'))).toEqual(['90-mine.conf']);
  });

  it('prints for people, with other ports, and without TFTP that listens on addresses', async () => {
    write(
      `${STATE}interfaces: [eth1]\n${DHCP.replace('{ subnets', '{ port: 6767, subnets')}` +
        'tftp: { root: /tftpboot, listen: [192.168.0.1] }\n',
    );
    const { out } = await run(['units', '--config', config]);
    expect(out.split('\n')).toEqual([
      '# bootd-dhcp@eth1.socket.d/10-bootd.conf',
      `# Written by \`bootd units\` from ${config}`,
      '[Socket]',
      'ListenDatagram=',
      'ListenDatagram=0.0.0.0:6767',
      'BindToDevice=eth1',
      '',
      '# bootd.service.d/10-bootd.conf',
      `# Written by \`bootd units\` from ${config}`,
      '[Unit]',
      'Wants=bootd-dhcp@eth1.socket',
    ]);
  });

  it('lets the service write to the folders that the configuration names elsewhere', async () => {
    write(
      `state-directory: /srv/bootd\ncontrol: { socket: /run/bootd/control.sock }\n` +
        `images: { cache-directory: "/mnt/100% images" }\n`,
    );
    const { out } = await run(['units', '--config', config]);
    expect(out).toContain('[Service]\nReadWritePaths="-/mnt/100%% images"\nReadWritePaths="-/srv/bootd"');
  });

  it('says of which interface no unit can be named', async () => {
    write(`${STATE}interfaces: ["eth1+"]\n${DHCP}`);
    const { code, out, err } = await run(['units', '--config', config]);
    expect([code, out]).toEqual([0, '']);
    expect(err).toBe(
      'bootd: no socket unit can be named after interface "eth1+": bootd opens its DHCP socket itself',
    );
  });

  it('says where it cannot write', async () => {
    write(`${STATE}interfaces: [eth1]\n${DHCP}`);
    const { code, err } = await run(['units', '--config', config, '--write', config]);
    expect(code).toBe(1);
    expect(err).toMatch(/^bootd: cannot write the drop-ins below .*bootd\.yaml/);
  });
});
