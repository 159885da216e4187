import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../../src/addr/ipv4.ts';
import { DIAGNOSES, type DiagnosisCode } from '../../../src/boot/diagnoses.ts';
import { ipv4, mac, MAC, OTHER_MAC, UUID } from '../boot/samples.ts';
import { BootStage, type StageOptions, type ToldBoot } from './boot-stage.ts';

/**
 * Every diagnosis of the catalogue, provoked by what a machine does on the wire and read from the control API. The last
 * test sees to it that none is left out.
 */

const PROFILE = { kernel: 'vmlinuz', ramdisk: 'initrd.img', kernel_append_params: 'quiet' };
const ROGUE = ipv4('192.168.0.7');
const CONFIGURATION = 'pxelinux.cfg/01-0c-c4-7a-0e-2b-6b';

let stage: BootStage;
const provoked = new Set<string>();
afterEach(() => stage.stop());

async function open(options: StageOptions = {}): Promise<BootStage> {
  stage = await BootStage.start(options);
  return stage;
}

async function expectVerdict(
  code: DiagnosisCode,
  sentence: string,
  state: ToldBoot['state'] = 'stuck',
  machine = MAC,
): Promise<ToldBoot> {
  const boot = await stage.boot(machine);
  expect({ code: boot.verdict.code, sentence: boot.verdict.sentence, state: boot.state }).toEqual({
    code,
    sentence,
    state,
  });
  provoked.add(code);
  return boot;
}

async function expectNotice(code: DiagnosisCode, sentence: string, machine = MAC): Promise<void> {
  const boot = await stage.boot(machine);
  expect(boot.notices.map((notice) => [notice.code, notice.sentence])).toContainEqual([code, sentence]);
  provoked.add(code);
}

/** The files of a whole boot by pxelinux, up to and with the last of these. */
async function load(address: Ipv4, ...names: readonly string[]): Promise<void> {
  for (const name of names) await stage.fetch(address, name);
}

function putFiles(): void {
  stage.file('pxelinux.0');
  stage.file('ldlinux.c32');
  stage.file('vmlinuz', 'k'.repeat(5000));
  stage.file('initrd.img', 'r'.repeat(9000));
}

describe('a boot that goes well', () => {
  it('is followed from the first DISCOVER to the system’s address', async () => {
    await open();
    putFiles();
    await stage.putNode(UUID, MAC, { name: 'bm1' }, PROFILE);
    await stage.discover(MAC, 'bios');
    await expectVerdict('under-way', 'asks for an address', 'under-way');
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', 'ldlinux.c32', CONFIGURATION, 'vmlinuz', 'initrd.img');
    await expectVerdict('under-way', 'has kernel and ramdisk, and starts its system', 'under-way');
    stage.pass(42);
    await stage.lease(MAC, 'system');
    const boot = await expectVerdict(
      'booted',
      'runs: its system asked for an address 42 s after the first question',
      'done',
    );
    expect(boot).toMatchObject({ node: UUID, firmware: 'bios', phase: 'system', loader: 'pxelinux' });
    expect(boot.steps?.map((step) => step['role'] ?? step['question'])).toEqual([
      'discover',
      'selecting',
      'boot-file',
      'loader',
      'configuration',
      'kernel',
      'ramdisk',
      'discover',
      'selecting',
    ]);
    expect(boot.steps?.[4]).toMatchObject({ source: 'rendered', node: UUID, ending: 'done' });
    expect(stage.log.find((line) => line['event'] === 'boot.done')).toMatchObject({ mac: MAC });
  });

  it('ends at the local disk where the policy says so, and that was not asked for', async () => {
    await open();
    putFiles();
    await stage.putNode(UUID, MAC, {}, { ...PROFILE, policy: 'local-disk' });
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', CONFIGURATION);
    await expectVerdict('local-disk', `was sent to its local disk by ${CONFIGURATION}`, 'done');
    await expectNotice(
      'unexpected-network-boot',
      'boots from the network although its node is to start from its disk (local-disk)',
    );
  });

  it('does not mind the optional files that a loader tries', async () => {
    await open();
    stage.file('bootx64.efi');
    stage.file('grubx64.efi');
    const address = await stage.lease(MAC, 'uefi');
    await load(address, 'bootx64.efi', 'revocations.efi', 'grubx64.efi', 'shim_certificate.efi');
    await expectVerdict('under-way', 'has its loader, which looks for its configuration', 'under-way');
  });
});

describe('a machine that gets no address', () => {
  it('on a wire without a subnet', async () => {
    await open({ dhcp: { subnets: [{ subnet: '10.0.0.0/24' }] } });
    await stage.discover(MAC, 'bios');
    stage.pass(60);
    await expectVerdict('no-subnet', 'asked for an address on prov0, for which no subnet is configured');
  });

  it('since only known machines are answered', async () => {
    await open({ dhcp: { answer: 'known-machines' } });
    await stage.discover(MAC, 'bios');
    await expectVerdict('unknown-machine', 'is unknown, and only known machines are answered', 'under-way');
  });

  it('since it may not boot', async () => {
    await open({ dhcp: { 'allow-booting': false } });
    await stage.discover(MAC, 'bios');
    await expectVerdict('booting-not-allowed', 'is not allowed to boot', 'under-way');
  });

  it('since it speaks BOOTP', async () => {
    await open({ dhcp: { 'allow-bootp': false } });
    await stage.discover(MAC, 'bootp');
    await expectVerdict('bootp-not-allowed', 'asked by BOOTP, which is not allowed here', 'under-way');
  });

  it('since there is none left', async () => {
    const subnets = [{ subnet: '127.0.0.0/24', ranges: [{ range: '127.0.0.200-127.0.0.200' }] }];
    await open({ dhcp: { subnets } });
    await stage.lease(OTHER_MAC, 'bios');
    await stage.discover(MAC, 'bios');
    await expectVerdict('no-free-address', 'got no address: none is free for it on prov0', 'under-way');
  });

  it('since offers that nobody takes fill the ranges', async () => {
    const subnets = [{ subnet: '127.0.0.0/24', ranges: [{ range: '127.0.0.200-127.0.0.231' }] }];
    await open({ dhcp: { subnets } });
    for (let last = 10; last < 36; last += 1) await stage.discover(mac(`02:00:00:00:00:${last}`), 'bios');
    await stage.discover(MAC, 'bios');
    await expectVerdict(
      'too-many-offers',
      'got no offer: offers that nobody took up fill the ranges of prov0',
      'under-way',
    );
  });

  it('since its reserved one is leased to another', async () => {
    await open();
    const taken = await stage.lease(OTHER_MAC, 'bios');
    const fixed = `127.0.0.${taken & 255}`;
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC, fixed_address: fixed }] });
    await stage.discover(MAC, 'bios');
    await expectVerdict(
      'reservation-in-use',
      'got no address: the one reserved for it is leased to another machine',
      'under-way',
    );
  });

  it('since somebody answers on every one that it was to get', async () => {
    await open();
    stage.conflictFinding = () => 'in-use';
    stage.boots.observeConflict({ mac: MAC, address: ipv4('127.0.0.130'), holder: OTHER_MAC });
    await expectVerdict(
      'address-conflict',
      `was to get 127.0.0.130, on which ${OTHER_MAC} answers`,
      'under-way',
    );
  });

  it('since it declines what it gets', async () => {
    await open();
    const address = await stage.lease(MAC, 'bios');
    await stage.decline(MAC, address);
    await expectVerdict(
      'address-declined',
      `refused 127.0.0.${address & 255}: it says that somebody else has it`,
      'under-way',
    );
  });

  it('since it asks for a wrong one again and again', async () => {
    await open();
    for (let count = 0; count < 3; count += 1) {
      await stage.discover(MAC, 'bios');
      await stage.request(MAC, 'bios', ipv4('10.9.9.9'));
    }
    await expectVerdict(
      'nak-loop',
      'was refused its address 3 times: the address is not on this network',
      'under-way',
    );
  });

  it('since the disk takes no lease', async () => {
    await open();
    const offer = await stage.discover(MAC, 'bios');
    stage.store.failing = true;
    await stage.request(MAC, 'bios', offer!.yiaddr);
    await expectVerdict(
      'lease-not-kept',
      'got no answer, since its lease could not be written to disk',
      'under-way',
    );
  });

  it('since the reply cannot be sent', async () => {
    await open();
    stage.deafWire = true;
    await stage.discover(MAC, 'bios');
    await expectVerdict(
      'reply-not-sent',
      'could not be answered: the system refused to send the reply',
      'under-way',
    );
  });

  it('since this server has no authority over the address that it wants', async () => {
    await open({ dhcp: { authoritative: false } });
    await stage.discover(MAC, 'bios');
    await stage.reboot(MAC, 'bios', ipv4('10.9.9.9'));
    await expectVerdict(
      'request-not-ours',
      'asked for 10.9.9.9, which this server may not judge: it is not authoritative for that network',
      'under-way',
    );
  });

  it('since it takes the offer of another server', async () => {
    await open();
    await stage.discover(MAC, 'bios');
    await stage.request(MAC, 'bios', ipv4('192.168.0.99'), ROGUE);
    await expectVerdict(
      'other-server-chosen',
      'took the offer of another DHCP server, 192.168.0.7',
      'under-way',
    );
    await expectNotice('other-server-answered', 'another DHCP server 192.168.0.7 answered');
    expect(stage.log.find((line) => line['event'] === 'dhcp.server.found')).toMatchObject({
      server: '192.168.0.7',
      interface: 'prov0',
    });
  });

  it('since it does not hear the offers', async () => {
    await open();
    const offer = await stage.discover(MAC, 'bios');
    await stage.discover(MAC, 'bios');
    await stage.discover(MAC, 'bios');
    await expectVerdict(
      'offer-not-requested',
      `was offered 127.0.0.${offer!.yiaddr & 255} 3 times and never asked for it`,
      'under-way',
    );
  });

  it('since firmware that wants HTTP gets no URL', async () => {
    await open();
    await stage.discover(MAC, 'uefi-http');
    stage.pass(60);
    await expectVerdict('http-boot-off', 'wants to boot over HTTP, and http-boot is off');
  });
});

describe('a machine that has an address and no loader', () => {
  it('since it begins anew instead of fetching', async () => {
    await open();
    for (let count = 0; count < 3; count += 1) await stage.lease(MAC, 'bios');
    const boot = await stage.boot(MAC);
    expect(boot.verdict.sentence).toMatch(/^was given 127\.0\.0\.\d+ 3 times and asks for no file$/);
    provoked.add('discover-loop');
  });

  it('since no boot file is configured for it', async () => {
    await open({ dhcp: { filename: undefined } });
    await stage.lease(MAC, 'bios');
    await expectVerdict(
      'no-boot-file',
      'got an address and no boot file: none is configured for bios',
      'under-way',
    );
  });

  it('since iPXE would only load itself again', async () => {
    await open({ dhcp: { 'filename-by-arch': { bios: 'undionly.kpxe' } } });
    stage.file('undionly.kpxe');
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'undionly.kpxe');
    await stage.lease(MAC, 'ipxe');
    await expectVerdict(
      'ipxe-without-script',
      'runs iPXE, which got no script: undionly.kpxe would only load iPXE again',
      'under-way',
    );
  });

  it('since what it is told to load is for another firmware', async () => {
    await open({ dhcp: { 'filename-by-arch': {} } });
    await stage.lease(MAC, 'uefi');
    await expectVerdict(
      'boot-file-for-other-firmware',
      'was told to boot /pxelinux.0, which uefi-x64 firmware cannot run',
      'under-way',
    );
  });

  it('since its firmware is not what its node says', async () => {
    await open();
    await stage.putNode(UUID, MAC, { boot_mode: 'bios' }, PROFILE);
    await stage.lease(MAC, 'uefi');
    await expectNotice('boot-mode-mismatch', 'firmware says uefi, the node is declared bios');
    stage.pass(60);
    await expectVerdict('boot-mode-mismatch', 'firmware says uefi, the node is declared bios');
  });

  it('since its port is declared without PXE', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC, pxe_enabled: false }] }, PROFILE);
    await stage.lease(MAC, 'bios');
    await expectVerdict(
      'port-not-pxe',
      `boots through ${MAC}, a port that is declared without PXE`,
      'under-way',
    );
  });

  it('since it cannot reach the server', async () => {
    await open();
    await stage.lease(MAC, 'bios');
    stage.pass(60);
    await expectVerdict(
      'no-file-request',
      'was told to fetch /pxelinux.0 from 127.0.0.1 and never asked for it',
    );
    expect(stage.log.find((line) => line['event'] === 'boot.stuck')).toMatchObject({
      mac: MAC,
      verdict: 'no-file-request',
    });
  });

  it('while the other port of its node boots too', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC }, { address: OTHER_MAC }] });
    await stage.lease(MAC, 'bios');
    await stage.lease(OTHER_MAC, 'bios');
    await expectNotice('two-ports', `two ports of the node boot at once: ${MAC} and ${OTHER_MAC}`);
  });
});

describe('a machine that does not get a file', () => {
  it('that is not there', async () => {
    await open();
    const address = await stage.lease(MAC, 'uefi');
    await load(address, 'bootx64.efi');
    await expectVerdict(
      'file-not-found',
      'asked for bootx64.efi, which is not below the TFTP root',
      'under-way',
    );
    stage.pass(31);
    await expectVerdict('file-not-found', 'asked for bootx64.efi, which is not below the TFTP root');
  });

  it('whose name a rule has changed', async () => {
    await open({ mapFile: 'r ^/pxelinux boot/pxelinux\n' });
    stage.file('pxelinux.0');
    const address = await stage.lease(MAC, 'bios');
    await load(address, '/pxelinux.0');
    await expectVerdict(
      'file-rewritten',
      'asked for /pxelinux.0, which rule 0 of the map-file made boot/pxelinux.0, which is not there',
      'under-way',
    );
  });

  it('that it may not have', async () => {
    await open();
    stage.file('bootx64.efi', 'x', 0o600);
    const address = await stage.lease(MAC, 'uefi');
    await load(address, 'bootx64.efi');
    await expectVerdict(
      'file-refused',
      'asked for bootx64.efi and was refused: File must have global read permissions (not-world-readable)',
      'under-way',
    );
  });

  it('of any of the names that its configuration could have', async () => {
    await open();
    stage.file('pxelinux.0');
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', CONFIGURATION, 'pxelinux.cfg/7F0000', 'pxelinux.cfg/default');
    stage.pass(61);
    await expectVerdict(
      'configuration-not-found',
      'looked for its configuration by 3 names, pxelinux.cfg/default the last, and found none',
    );
  });

  it('since a template fails', async () => {
    await open();
    stage.file('pxelinux.0');
    await stage.putNode(UUID, MAC, {}, PROFILE);
    stage.brokenTemplates.add('pxelinux');
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', CONFIGURATION);
    await expectVerdict(
      'template-failed',
      `got no configuration: ${CONFIGURATION} could not be rendered: pxelinux.tmpl:7: expected a value`,
      'under-way',
    );
  });

  it.each([
    ['kernel-missing', 'vmlinuz', 'asked for its kernel vmlinuz, which is not below the TFTP root'],
    ['ramdisk-missing', 'initrd.img', 'asked for its ramdisk initrd.img, which is not below the TFTP root'],
  ] as const)('that its configuration names: %s', async (code, name, sentence) => {
    await open();
    stage.file('pxelinux.0');
    await stage.putNode(UUID, MAC, {}, PROFILE);
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', CONFIGURATION, name);
    await expectVerdict(code, sentence, 'under-way');
  });

  it('since it gives up', async () => {
    await open();
    putFiles();
    const address = await stage.lease(MAC, 'bios');
    await stage.fetch(address, 'initrd.img', { abortAfter: 2 });
    await expectVerdict(
      'transfer-aborted',
      'gave up initrd.img after 1024 of 9000 octets: 3 out of memory',
      'under-way',
    );
  });

  it('since it falls silent, on a wire that loses packets', async () => {
    await open();
    stage.file('initrd.img', 'r'.repeat(60_000));
    const address = await stage.lease(MAC, 'bios');
    await stage.fetch(address, 'initrd.img', { silentAfter: 3 });
    await expect
      .poll(async () => (await stage.boot(MAC)).verdict.code, { timeout: 10_000 })
      .toBe('transfer-timeout');
    await expectVerdict(
      'transfer-timeout',
      'fell silent in initrd.img after 1536 of 60000 octets (5 packets were sent again)',
      'under-way',
    );
  });

  it('since bootd stops', async () => {
    await open();
    putFiles();
    const address = await stage.lease(MAC, 'bios');
    await stage.fetch(address, 'initrd.img', { silentAfter: 1 });
    await stage.stopTftp();
    await expectVerdict(
      'transfer-stopped',
      'lost initrd.img after 512 of 9000 octets, when bootd stopped or lost the interface',
      'under-way',
    );
  });

  it('since it cannot be read to its end', async () => {
    await open();
    putFiles();
    const address = await stage.lease(MAC, 'bios');
    stage.boots.observeFile({
      kind: 'ended',
      via: 'tftp',
      peer: address,
      transfer: '4000',
      requested: 'initrd.img',
      path: 'initrd.img',
      source: 'disk',
      node: undefined,
      generation: undefined,
      modifiedAt: undefined,
      size: 9000,
      ending: 'truncated',
      bytes: 512,
      durationMs: 3,
      retransmissions: 60,
      detail: undefined,
    });
    await expectVerdict(
      'file-unreadable',
      'did not get initrd.img to its end: it became shorter meanwhile',
      'under-way',
    );
    await expectNotice('lossy-wire', '60 packets of its files had to be sent again');
  });
});

describe('a machine that falls silent', () => {
  it.each<[DiagnosisCode, readonly string[], string]>([
    ['boot-file-silent', ['pxelinux.0'], 'got pxelinux.0 whole and asked for nothing more'],
    [
      'configuration-silent',
      ['pxelinux.0', CONFIGURATION],
      `got its configuration ${CONFIGURATION} and asked for nothing that it names`,
    ],
    [
      'ramdisk-not-requested',
      ['pxelinux.0', CONFIGURATION, 'vmlinuz'],
      'got its kernel and never asked for its ramdisk initrd.img',
    ],
    [
      'system-silent',
      ['pxelinux.0', CONFIGURATION, 'vmlinuz', 'initrd.img'],
      'got its kernel and ramdisk, and its system never asked for an address',
    ],
  ])('%s', async (code, names, sentence) => {
    await open();
    putFiles();
    await stage.putNode(UUID, MAC, {}, PROFILE);
    const address = await stage.lease(MAC, 'bios');
    await load(address, ...names);
    stage.pass(301);
    await expectVerdict(code, sentence);
  });

  it('whose system gets no address', async () => {
    await open({
      dhcp: { subnets: [{ subnet: '127.0.0.0/24', ranges: [{ range: '127.0.0.200-127.0.0.200' }] }] },
    });
    putFiles();
    await stage.putNode(UUID, MAC, {}, PROFILE);
    const address = await stage.lease(MAC, 'bios');
    await load(address, 'pxelinux.0', CONFIGURATION, 'vmlinuz', 'initrd.img');
    stage.store.failing = true;
    await stage.reboot(MAC, 'system', address);
    await expectVerdict('system-unanswered', 'runs its system, which got no address: not-kept', 'under-way');
  });

  it('and starts a system from elsewhere', async () => {
    await open();
    await stage.lease(MAC, 'bios');
    await stage.lease(MAC, 'system');
    await expectNotice(
      'gave-up',
      'left the network boot: a system that was not sent from here asks for an address',
    );
  });

  it('and fetches its kernel again and again', async () => {
    await open();
    putFiles();
    await stage.putNode(UUID, MAC, {}, PROFILE);
    for (let count = 0; count < 3; count += 1) {
      const address = await stage.lease(MAC, 'bios');
      await load(address, 'pxelinux.0', CONFIGURATION, 'vmlinuz');
      stage.pass(60);
    }
    await expectVerdict('boot-loop', 'fetched its kernel 3 times in 2 min: boot loop', 'under-way');
  });
});

describe('a machine that bootd switched on to boot from the network', () => {
  const switchOn = (): string | undefined =>
    stage.boots.awaitBoot({
      ...{ macs: [MAC, OTHER_MAC], since: stage.clock.now(), action: 'cycle' },
      ...{ attempt: 1, attempts: 3, patienceMs: 60_000 },
    });

  it('and never hears', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC }, { address: OTHER_MAC }] });
    switchOn();
    await expectVerdict('under-way', 'was switched on and has not been heard yet', 'under-way');
    stage.pass(61);
    const { steps } = await expectVerdict(
      'no-discover',
      `no DISCOVER from any port of the node (${MAC}, ${OTHER_MAC}) within 61 s of power-on`,
    );
    expect(steps).toMatchObject([{ kind: 'power', action: 'cycle', attempt: 1, attempts: 3 }]);
    expect(stage.log.filter(({ event }) => event === 'boot.stuck')).toMatchObject([
      { verdict: 'no-discover', node: UUID, phase: 'power' },
    ]);
  });

  it('and starts something else', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC }, { address: OTHER_MAC }] });
    switchOn();
    stage.pass(35);
    await stage.lease(OTHER_MAC, 'system');
    stage.pass(41);
    await expectVerdict(
      'other-boot-device',
      'was switched on and did not boot from the network: its own system asked for an address 35 s after power-on',
      'stuck',
      OTHER_MAC,
    );
  });
});

afterAll(() => {
  const missing = Object.keys(DIAGNOSES).filter((code) => !provoked.has(code));
  expect(missing, 'diagnoses that no test provokes').toEqual([]);
});
