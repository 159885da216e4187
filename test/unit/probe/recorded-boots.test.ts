import { describe, expect, it } from 'vitest';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import { parseMac } from '../../../src/addr/mac.ts';
import type { BootVerdict, FileRequest } from '../../../src/probe/file-request.ts';
import type { FirmwareShapeName } from '../../../src/probe/firmware-shapes.ts';
import { readCapture, recordedRequests, type RecordedRequest } from './captures.ts';
import { loaderFacts, playBoot, programText } from './play-boot.ts';

/** One boot that was recorded, and the files that decided its course; their texts are not in the captures. */
interface RecordedBoot {
  readonly capture: string;
  readonly firmware: FirmwareShapeName;
  readonly bootFile: string;
  readonly mac: string;
  readonly address: string;
  readonly grubPrefix?: string;
  /** Requests of the capture that this part of the boot made; all by default. */
  readonly from?: number;
  readonly until?: number;
  readonly texts: Readonly<Record<string, string>>;
  readonly verdict: BootVerdict;
}

const PXELINUX = (folder: string): string =>
  `default deploy\nprompt 0\nlabel deploy\nkernel ${folder}/deploy_kernel\nappend initrd=${folder}/deploy_ramdisk quiet\nipappend 2\n`;

const GRUB_MASTER = `
set timeout=0
for f in /tftpboot/$net_default_mac.conf /tftpboot/$net_default_ip.conf; do
  if [ -s $f ]; then
    configfile $f
  fi
done
linux /vmlinuz lab.cfg=grub-master
initrd /initrd.img
boot
`;

const GRUB_NODE = (uuid: string): string =>
  `linux /tftpboot/${uuid}/deploy_kernel quiet\ninitrd /tftpboot/${uuid}/deploy_ramdisk\nboot\n`;

const IPXE_SCRIPT = '#!ipxe\nkernel vmlinuz initrd=initrd.img quiet\ninitrd initrd.img\nboot\n';

function booted(kernel: string, ramdisk: string): BootVerdict {
  return { kind: 'kernel', kernel, ramdisks: [ramdisk], parameters: 'quiet' };
}

const NODE = (tail: string): string => `00000000-0000-4000-8000-${tail}`;

const BOOTS: readonly RecordedBoot[] = [
  {
    capture: 'bios-pxelinux-01mac',
    firmware: 'bios',
    bootFile: '/pxelinux.0',
    mac: '52:54:00:aa:00:01',
    address: '192.168.0.128',
    texts: { '/pxelinux.cfg/01-52-54-00-aa-00-01': PXELINUX(NODE('525400aa0001')) },
    verdict: booted(`${NODE('525400aa0001')}/deploy_kernel`, `${NODE('525400aa0001')}/deploy_ramdisk`),
  },
  {
    capture: 'bios-pxelinux-search',
    firmware: 'bios',
    bootFile: '/pxelinux.0',
    mac: '52:54:00:aa:00:09',
    address: '192.168.0.130',
    texts: {
      '/pxelinux.cfg/default': 'DEFAULT lab\nLABEL lab\nLINUX vmlinuz\nAPPEND quiet\nINITRD initrd.img\n',
    },
    verdict: booted('vmlinuz', 'initrd.img'),
  },
  {
    capture: 'bios-pxelinux-absolute-path',
    firmware: 'bios',
    bootFile: 'pxelinux.0',
    mac: '52:54:00:aa:00:0b',
    address: '192.168.0.128',
    texts: { 'pxelinux.cfg/01-52-54-00-aa-00-0b': PXELINUX(`/tftpboot/${NODE('525400aa000b')}`) },
    verdict: booted(
      `/tftpboot/${NODE('525400aa000b')}/deploy_kernel`,
      `/tftpboot/${NODE('525400aa000b')}/deploy_ramdisk`,
    ),
  },
  {
    capture: 'bios-ipxe-script',
    firmware: 'bios',
    bootFile: 'boot.ipxe',
    mac: '52:54:00:1b:00:01',
    address: '192.168.0.128',
    texts: { 'boot.ipxe': IPXE_SCRIPT },
    verdict: booted('vmlinuz', 'initrd.img'),
  },
  {
    capture: 'bios-undionly-loop',
    firmware: 'bios',
    bootFile: 'undionly.kpxe',
    mac: '52:54:00:1b:00:01',
    address: '192.168.0.128',
    until: 1,
    texts: {},
    verdict: { kind: 'ipxe', shape: 'ipxe' },
  },
  {
    capture: 'uefi-shim-grub',
    firmware: 'uefi-x64',
    bootFile: 'bootx64.efi',
    mac: '52:54:00:aa:00:02',
    address: '192.168.0.129',
    texts: {
      '/EFI/centos/grub.cfg': GRUB_MASTER,
      '/tftpboot/52:54:00:aa:00:02.conf': GRUB_NODE(NODE('525400aa0002')),
    },
    verdict: booted(
      `/tftpboot/${NODE('525400aa0002')}/deploy_kernel`,
      `/tftpboot/${NODE('525400aa0002')}/deploy_ramdisk`,
    ),
  },
  {
    capture: 'uefi-grub-01mac',
    firmware: 'uefi-x64',
    bootFile: 'bootx64.efi',
    mac: '52:54:00:aa:00:04',
    address: '192.168.0.129',
    texts: { '/EFI/centos/grub.cfg-01-52-54-00-aa-00-04': GRUB_NODE(NODE('525400aa0004')) },
    verdict: booted(
      `/tftpboot/${NODE('525400aa0004')}/deploy_kernel`,
      `/tftpboot/${NODE('525400aa0004')}/deploy_ramdisk`,
    ),
  },
  {
    capture: 'uefi-signed-grub',
    firmware: 'uefi-x64',
    bootFile: 'signed/bootx64.efi',
    mac: '52:54:00:51:00:01',
    address: '192.168.0.128',
    grubPrefix: '/grub',
    texts: {
      '/grub/grub.cfg': GRUB_MASTER,
      '/tftpboot/52:54:00:51:00:01.conf': GRUB_NODE(NODE('525400510001')),
    },
    verdict: booted(
      `/tftpboot/${NODE('525400510001')}/deploy_kernel`,
      `/tftpboot/${NODE('525400510001')}/deploy_ramdisk`,
    ),
  },
  {
    capture: 'uefi-ipxe-efi',
    firmware: 'uefi-x64',
    bootFile: 'ipxe.efi',
    mac: '52:54:00:1b:00:02',
    address: '192.168.0.129',
    until: 2,
    texts: {},
    verdict: { kind: 'ipxe', shape: 'ipxe-efi' },
  },
  {
    capture: 'uefi-ipxe-efi',
    firmware: 'ipxe-efi',
    bootFile: 'boot.ipxe',
    mac: '52:54:00:1b:00:02',
    address: '192.168.0.129',
    from: 2,
    texts: { 'boot.ipxe': IPXE_SCRIPT },
    verdict: booted('vmlinuz', 'initrd.img'),
  },
  {
    capture: 'uefi-no-tsize',
    firmware: 'uefi-x64',
    bootFile: 'bootx64.efi',
    mac: '52:54:00:aa:00:02',
    address: '192.168.0.129',
    texts: {},
    verdict: {
      kind: 'stuck',
      reason: '"bootx64.efi": the server does not say its size (tsize); PXE-E53: NBP filesize is 0',
    },
  },
];

function describeRequest({ source }: FileRequest): string {
  if (source.kind === 'http') return `${source.method} ${source.url}`;
  const { name, options, abort } = source.request;
  const size = abort?.after === 'oack' ? ` ERROR ${abort.code} "${abort.message}"` : '';
  return `${name} ${options.map((option) => `${option.name}=${option.value}`).join(' ')}${size}`;
}

function describeRecorded({ name, options, clientError }: RecordedRequest): string {
  // Whether GRUB manages to close a tested file before its only block has come is a matter of microseconds.
  const error = clientError?.code === 8 ? ` ERROR 8 "${clientError.message}"` : '';
  return `${name} ${options}${error}`;
}

describe('a boot that is played makes the requests of the real one, in the same order', () => {
  it.each(BOOTS.map((boot) => [boot.capture, boot.firmware, boot] as const))(
    '%s, %s',
    (_capture, _firmware, boot) => {
      const recorded = recordedRequests(readCapture(boot.capture)).slice(boot.from ?? 0, boot.until);
      const facts = loaderFacts({
        firmware: boot.firmware,
        mac: parseMac(boot.mac)!,
        address: parseIpv4(boot.address)!,
        bootFile: boot.bootFile,
        ...(boot.grubPrefix === undefined ? {} : { grubPrefix: boot.grubPrefix }),
      });
      let asked = 0;
      const { requests, verdict } = playBoot(facts, (request) => {
        const was = recorded[asked];
        asked += 1;
        if (was === undefined || was.refused) return { kind: 'refused', reason: 'ERROR 1 "File not found"' };
        const isAborted = request.source.kind === 'tftp' && request.source.request.abort !== undefined;
        const content = new TextEncoder().encode(boot.texts[was.name] ?? programText(was.name));
        return isAborted
          ? { kind: 'aborted', octets: was.size, content }
          : { kind: 'served', octets: was.size ?? 1, content };
      });
      expect(requests.map(describeRequest)).toEqual(recorded.map(describeRecorded));
      expect(verdict).toEqual(boot.verdict);
    },
  );
});
