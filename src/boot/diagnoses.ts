/**
 * The catalogue of diagnoses: every sentence that bootd says about a boot, with its cause and its remedy. Codes are stable
 * and never get another meaning. docs/diagnoses.md is made from this (`npx tsx test/documents/write.ts`).
 *
 * `failure`: the boot will not get further without somebody; `notice`: worth knowing beside it; `state`: how it stands.
 */
export interface DiagnosisEntry {
  readonly kind: 'failure' | 'notice' | 'state';
  /** `{name}` stands for a value. */
  readonly sentence: string;
  readonly cause: string;
  readonly remedy: string;
}

export const DIAGNOSES = {
  'under-way': {
    kind: 'state',
    sentence: '{activity}',
    cause: 'The boot goes on; nothing is wrong so far.',
    remedy: 'Wait; bootd says when it takes too long.',
  },
  booted: {
    kind: 'state',
    sentence: 'runs: its system asked for an address {seconds} s after the first question',
    cause: 'The boot is through.',
    remedy: 'Nothing.',
  },
  'local-disk': {
    kind: 'state',
    sentence: 'was sent to its local disk by {file}',
    cause: 'Its policy is `local-disk`, or `once` and its one boot is done, or `boot.unknown` says so.',
    remedy: 'Nothing; to boot it from the network again, put a boot profile with policy `always` or `once`.',
  },
  'no-discover': {
    kind: 'failure',
    sentence: 'no DISCOVER from any port of the node ({ports}) within {seconds} s of power-on',
    cause:
      'bootd switched the machine on to boot from the network, and has not heard it: it is still busy with itself, its cable or switch port is not in the provisioning network, network boot is off in its firmware, or the node has other ports than the machine.',
    remedy:
      'Look whether the cable is plugged in, the switch port is in the provisioning network, the MACs of the node are right and network boot is on in the firmware; `bootd console` shows what the machine prints. Raise `power.boot-watch.first-request` for a machine that tests its memory for long.',
  },
  'other-boot-device': {
    kind: 'failure',
    sentence:
      'was switched on and did not boot from the network: its own system asked for an address {seconds} s after power-on',
    cause:
      'The machine was told to boot from the network and started a system from its disk: its firmware does not do what its BMC was told, or network boot is off for the card on this wire.',
    remedy:
      'Look at `bootd bootdev show`, and in the firmware whether network boot is on for the card; a machine that boots by UEFI wants `boot_mode: uefi` in its node.',
  },
  'no-subnet': {
    kind: 'failure',
    sentence: 'asked for an address on {wire}, for which no subnet is configured',
    cause:
      'No subnet of the configuration holds the address of the interface, or of the relay, that it asked by.',
    remedy: 'Add the subnet under `dhcp.subnets`; check the address of the interface or the relay (giaddr).',
  },
  'unknown-machine': {
    kind: 'failure',
    sentence: 'is unknown, and only known machines are answered',
    cause: '`dhcp.answer` is `known-machines`, and {mac} is no port of a node and has no reservation.',
    remedy: 'Put a node with this port (`bootd node set NAME --mac {mac}`), or set `dhcp.answer: all`.',
  },
  'booting-not-allowed': {
    kind: 'failure',
    sentence: 'is not allowed to boot',
    cause: '`allow-booting: false` holds for it.',
    remedy: 'Look for `allow-booting` in the scopes that hold for this machine.',
  },
  'bootp-not-allowed': {
    kind: 'failure',
    sentence: 'asked by BOOTP, which is not allowed here',
    cause: '`allow-bootp: false`, or no range with `dynamic-bootp: true` and no reservation for it.',
    remedy: 'Reserve an address for it, or set `dynamic-bootp: true` on a range.',
  },
  'no-free-address': {
    kind: 'failure',
    sentence: 'got no address: none is free for it on {wire}',
    cause: 'Every address of the ranges that are open to it is leased, reserved, or was found in use.',
    remedy: 'See `bootd lease list`; widen a range, shorten the lease times, or free addresses.',
  },
  'too-many-offers': {
    kind: 'failure',
    sentence: 'got no offer: offers that nobody took up fill the ranges of {wire}',
    cause: 'Many strangers ask for addresses and take none: a loop on the wire, a scan, or an attack.',
    remedy: 'Look at `bootd lease list --state offered` for who asks.',
  },
  'reservation-in-use': {
    kind: 'failure',
    sentence: 'got no address: the one reserved for it is leased to another machine',
    cause: 'Another client still holds a lease of the address, often the same machine with another card.',
    remedy: 'Free it with `bootd lease release ADDRESS` once its holder no longer uses it.',
  },
  'address-conflict': {
    kind: 'failure',
    sentence: 'was to get {address}, on which {holder} answers',
    cause: 'A machine outside of DHCP uses an address of the range.',
    remedy: 'Find that machine by its MAC; take its address out of the range.',
  },
  'address-declined': {
    kind: 'failure',
    sentence: 'refused {address}: it says that somebody else has it',
    cause:
      'The machine found another one on its address (DHCPDECLINE), which the check before the offer did not.',
    remedy: 'Find the other machine (`ip neighbour` shows its MAC); take its address out of the range.',
  },
  'nak-loop': {
    kind: 'failure',
    sentence: 'was refused its address {count} times: {objection}',
    cause: 'It keeps asking for an address that it may not have, from another network or of another machine.',
    remedy: 'A DHCPNAK should make it ask anew: update its firmware, or reserve the address that it wants.',
  },
  'lease-not-kept': {
    kind: 'failure',
    sentence: 'got no answer, since its lease could not be written to disk',
    cause:
      'The state directory cannot be written: full, read-only or failing. Nothing is promised that cannot be kept.',
    remedy: 'See `/readyz` and the log (`store.commit.failed`); mend the disk.',
  },
  'reply-not-sent': {
    kind: 'failure',
    sentence: 'could not be answered: the system refused to send the reply',
    cause: 'The interface is down or lost its address, or the reply does not fit.',
    remedy: 'See the log (`dhcp.reply.failed`).',
  },
  'request-not-ours': {
    kind: 'failure',
    sentence: 'asked for {address}, which this server may not judge: {reason}',
    cause: 'It believes to have an address that bootd knows nothing of, and `authoritative` is not set.',
    remedy: 'Set `authoritative: true` where bootd is the only DHCP server.',
  },
  'other-server-chosen': {
    kind: 'failure',
    sentence: 'took the offer of another DHCP server, {server}',
    cause: 'Two DHCP servers answer on this wire, and the machine chose the other one.',
    remedy:
      'Find {server} and switch its DHCP off on this wire; or run bootd with `dhcp.mode: proxy` beside it.',
  },
  'other-server-answered': {
    kind: 'notice',
    sentence: 'another DHCP server {server} answered',
    cause: 'A DHCP server that is not bootd answers on this wire; machines may take its offers.',
    remedy: 'Find {server} and switch its DHCP off on this wire.',
  },
  'offer-not-requested': {
    kind: 'failure',
    sentence: 'was offered {address} {count} times and never asked for it',
    cause:
      'It does not hear the offers, or does not like them: a switch port that still learns (STP), a relay that does not bring them back, firmware that wants broadcast, or another server was chosen unseen.',
    remedy: 'Set the switch port to edge (portfast); look at the wire with tcpdump; check the relay.',
  },
  'discover-loop': {
    kind: 'failure',
    sentence: 'was given {address} {count} times and asks for no file',
    cause:
      'It gets its address again and again and never begins its download: its ROM does not like the boot file or cannot reach the server.',
    remedy: 'Check `next-server`, the route and firewall between, and what option 67 says for {firmware}.',
  },
  'no-boot-file': {
    kind: 'failure',
    sentence: 'got an address and no boot file: none is configured for {firmware}',
    cause:
      'Neither `filename-by-arch` nor `filename` of its scopes, nor its node, names a file for this firmware.',
    remedy: 'Set `dhcp.filename-by-arch` for {firmware}; `bootd loaders install` brings the loaders.',
  },
  'ipxe-without-script': {
    kind: 'failure',
    sentence: 'runs iPXE, which got no script: {file} would only load iPXE again',
    cause: 'The configuration names a boot file for the firmware, and none for iPXE itself.',
    remedy: 'Name a script for `ipxe` under `filename-by-arch`, for instance `boot.ipxe`.',
  },
  'boot-file-for-other-firmware': {
    kind: 'failure',
    sentence: 'was told to boot {file}, which {firmware} firmware cannot run',
    cause: 'The plain `filename` is given to every firmware that `filename-by-arch` does not name.',
    remedy: 'Add {firmware} to `dhcp.filename-by-arch`.',
  },
  'http-boot-off': {
    kind: 'failure',
    sentence: 'wants to boot over HTTP, and http-boot is off',
    cause: 'UEFI HTTP boot takes only an offer with a URL; the configuration has no `http-boot` section.',
    remedy: 'Add `http-boot.listen`, or let the firmware boot by PXE.',
  },
  'boot-mode-mismatch': {
    kind: 'notice',
    sentence: 'firmware says {firmware}, the node is declared {declared}',
    cause: 'The firmware setting of the machine and `boot_mode` of its node differ.',
    remedy: 'Change the boot mode in the firmware, or `bootd node set {mac} --boot-mode {firmware}`.',
  },
  'port-not-pxe': {
    kind: 'failure',
    sentence: 'boots through {mac}, a port that is declared without PXE',
    cause: '`pxe_enabled` is false for this port of the node: it gets an address and nothing to boot.',
    remedy: 'Set `pxe_enabled`, or let the machine boot from its other port.',
  },
  'two-ports': {
    kind: 'notice',
    sentence: 'two ports of the node boot at once: {mac} and {other}',
    cause:
      'Both cards try to boot, in turn or together; what one of them gets is not what the other one asked for.',
    remedy: 'Leave only one card in the boot order, or set `pxe_enabled: false` for the other port.',
  },
  'no-file-request': {
    kind: 'failure',
    sentence: 'was told to fetch {file} from {server} and never asked for it',
    cause:
      'It cannot reach the server, or took another offer: a wrong `next-server`, a firewall on port 69, no route.',
    remedy: 'Check `next-server`, and that {server} is reachable from its wire by UDP port 69.',
  },
  'file-not-found': {
    kind: 'failure',
    sentence: 'asked for {file}, which is not below the TFTP root',
    cause: 'There is no such file, or its name is written differently on disk.',
    remedy: 'Put the file there; `bootd map --config FILE {file}` shows what would be served.',
  },
  'file-rewritten': {
    kind: 'failure',
    sentence: 'asked for {file}, which rule {rule} of the map-file made {mapped}, which is not there',
    cause: 'The map-file turns the name into one that does not exist.',
    remedy: 'Mend the rule; `bootd map --config FILE {file}` shows each step.',
  },
  'file-refused': {
    kind: 'failure',
    sentence: 'asked for {file} and was refused: {message} ({reason})',
    cause: 'The file is there and may not be served, or the name is not allowed.',
    remedy: 'See the reason: permissions of the file, folders that are allowed, links out of the root.',
  },
  'configuration-not-found': {
    kind: 'failure',
    sentence: 'looked for its configuration by {count} names, {file} the last, and found none',
    cause: 'It has no boot profile, nothing is on disk for it, and `boot.unknown` is `none`.',
    remedy: 'Give its node a boot profile (`bootd node set`), or set `boot.unknown`.',
  },
  'template-failed': {
    kind: 'failure',
    sentence: 'got no configuration: {file} could not be rendered: {reason}',
    cause: 'A template has a mistake, or a value has no form in the language of the loader.',
    remedy: 'Mend the place that it names; templates are read again at once.',
  },
  'kernel-missing': {
    kind: 'failure',
    sentence: 'asked for its kernel {file}, which is not below the TFTP root',
    cause:
      'The profile or configuration names a kernel that is not there, or not by the name that its loader makes of it.',
    remedy: 'Put the image there, or mend `kernel` of the boot profile.',
  },
  'ramdisk-missing': {
    kind: 'failure',
    sentence: 'asked for its ramdisk {file}, which is not below the TFTP root',
    cause: 'The profile or configuration names a ramdisk that is not there.',
    remedy: 'Put the image there, or mend `ramdisk` of the boot profile.',
  },
  'transfer-aborted': {
    kind: 'failure',
    sentence: 'gave up {file} after {bytes} of {size} octets: {detail}',
    cause: 'The client ended the transfer: no memory, a file too large for it, or it did not like an option.',
    remedy: 'See its words; try a smaller image or a smaller `tftp.block-size-max`.',
  },
  'transfer-timeout': {
    kind: 'failure',
    sentence:
      'fell silent in {file} after {bytes} of {size} octets ({retransmissions} packets were sent again)',
    cause:
      'Packets are lost, or are too large for the wire: MTU, a firewall that drops fragments; or it was switched off.',
    remedy: 'Lower `tftp.block-size-max` to 1428 or less; look for errors on the switch port.',
  },
  'transfer-stopped': {
    kind: 'failure',
    sentence: 'lost {file} after {bytes} of {size} octets, when bootd stopped or lost the interface',
    cause: 'bootd was stopped or restarted while it was sending, or its interface was removed or made anew.',
    remedy: 'Start the boot again.',
  },
  'file-unreadable': {
    kind: 'failure',
    sentence: 'did not get {file} to its end: {detail}',
    cause: 'The file became shorter while it was sent, or the disk cannot read it.',
    remedy: 'Replace files by renaming a complete one over them; look at the disk.',
  },
  'boot-file-silent': {
    kind: 'failure',
    sentence: 'got {file} whole and asked for nothing more',
    cause:
      'The firmware did not start it (Secure Boot, wrong architecture), or it crashed, or waits for a key.',
    remedy: 'Look at the console; check the signature and architecture of the file.',
  },
  'configuration-silent': {
    kind: 'failure',
    sentence: 'got its configuration {file} and asked for nothing that it names',
    cause:
      'The configuration waits in a menu, names nothing to fetch here (a URL, the disk), or does not parse.',
    remedy: 'Look at the console; read the configuration as the machine got it.',
  },
  'ramdisk-not-requested': {
    kind: 'failure',
    sentence: 'got its kernel and never asked for its ramdisk {file}',
    cause:
      'The loader failed after the kernel (signature, memory), or its configuration does not name the ramdisk.',
    remedy: 'Look at the console.',
  },
  'system-silent': {
    kind: 'failure',
    sentence: 'got its kernel{ramdisk}, and its system never asked for an address',
    cause:
      'The kernel stopped, has no driver for the card, waits for input, or is told to use a fixed address.',
    remedy:
      'Look at the console; check `console=` and the kernel arguments, and that the ramdisk has the driver.',
  },
  'system-unanswered': {
    kind: 'failure',
    sentence: 'runs its system, which got no address: {reason}',
    cause: 'The system asks under another identity than its firmware, and there is no address for that.',
    remedy: 'Set `ignore-client-uids`, reserve by MAC, or widen the range.',
  },
  'boot-loop': {
    kind: 'failure',
    sentence: 'fetched its kernel {count} times in {minutes} min: boot loop',
    cause: 'The system that it boots restarts it, or crashes.',
    remedy: 'Look at the console of the system; set policy `once` or `local-disk` to stop it.',
  },
  'gave-up': {
    kind: 'notice',
    sentence: 'left the network boot: a system that was not sent from here asks for an address',
    cause: 'The firmware gave up and went on with its boot order, to a disk for instance.',
    remedy: 'See above why the network boot ended.',
  },
  'unexpected-network-boot': {
    kind: 'notice',
    sentence: 'boots from the network although its node is to start from its disk ({policy})',
    cause: 'The boot order of the firmware has the network first, or its disk could not be started.',
    remedy: 'Set the boot device (`bootd bootdev disk`); look whether the disk starts.',
  },
  'lossy-wire': {
    kind: 'notice',
    sentence: '{count} packets of its files had to be sent again',
    cause: 'The wire loses packets.',
    remedy: 'Look for errors on the cable and the switch port.',
  },
} as const satisfies Readonly<Record<string, DiagnosisEntry>>;

export type DiagnosisCode = keyof typeof DIAGNOSES;

type PlaceholdersOf<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PlaceholdersOf<Rest>
  : never;

/** The values that the texts of a diagnosis need, by their names in it. */
export type DiagnosisValues<Code extends DiagnosisCode> = Readonly<
  Record<
    PlaceholdersOf<
      | (typeof DIAGNOSES)[Code]['sentence']
      | (typeof DIAGNOSES)[Code]['cause']
      | (typeof DIAGNOSES)[Code]['remedy']
    >,
    string | number
  >
>;
