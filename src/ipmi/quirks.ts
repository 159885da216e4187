/**
 * Where controllers differ from the specification, by the vendor with whom it was seen, and what bootd does about it.
 * docs/power.md shows the table to people; a test compares the two.
 */
export interface Quirk {
  readonly name: QuirkName;
  /** Maker and hardware. */
  readonly vendor: string;
  /** How bootd notices it: by the manufacturer that the controller names, or by what it does. */
  readonly recognized: 'manufacturer' | 'behaviour';
  /** What is different, and what is done about it. */
  readonly effect: string;
}

export type QuirkName =
  | 'uefi-disk-is-remote-media'
  | 'role-without-lookup-bit'
  | 'code-too-long'
  | 'boot-parameters-missing'
  | 'suites-not-listed'
  | 'refusal-without-session-id'
  | 'serial-number-kept';

export const QUIRKS: readonly Quirk[] = [
  {
    name: 'uefi-disk-is-remote-media',
    vendor: 'Supermicro',
    recognized: 'manufacturer',
    effect:
      'under UEFI the disk is what IPMI calls the primary remote media (boot device 0x24), so that is set for `disk` with `uefi`',
  },
  {
    name: 'role-without-lookup-bit',
    vendor:
      'Sun Fire with ILOM, Supermicro X8DTH and X8DTG, Intel S5500WBV and S2600JF, Quanta QSSC-S4R, Dell Xanadu II',
    recognized: 'behaviour',
    effect:
      'the key exchange hashes the privilege of the open session request instead of the role of RAKP 1; when the controller proves itself so, the rest of the exchange is hashed so too',
  },
  {
    name: 'code-too-long',
    vendor: 'Supermicro H8QME with Peppercon firmware, Sun Fire with ILOM',
    recognized: 'behaviour',
    effect:
      'codes of the key exchange carry more octets than they should; what follows the code is not looked at',
  },
  {
    name: 'boot-parameters-missing',
    vendor: 'controllers of several makers that have the boot flags alone',
    recognized: 'behaviour',
    effect:
      'set-in-progress, boot info acknowledge and the valid-bit parameter may be refused; only a refusal of the boot flags themselves is an error',
  },
  {
    name: 'suites-not-listed',
    vendor: 'early IPMI 2.0 firmware of several makers',
    recognized: 'behaviour',
    effect: 'the list of cipher suites is refused or empty: suites 17 and 3 are tried in this order',
  },
  {
    name: 'refusal-without-session-id',
    vendor: 'OpenIPMI ipmi_sim 2.0.33',
    recognized: 'behaviour',
    effect: 'a refusal in the key exchange ends after its status code; the rest is not waited for',
  },
  {
    name: 'serial-number-kept',
    vendor: 'OpenIPMI ipmi_sim 2.0.33',
    recognized: 'behaviour',
    effect:
      'serial over LAN goes on counting where the console before stopped, so the first packet may be taken for one that is known: when the count in its acknowledgement is not its own, it is sent again under the next number',
  },
];

const SUPERMICRO = new Set([10876, 47488]);

/** Whether a controller of this manufacturer (IANA enterprise number) has `uefi-disk-is-remote-media`. */
export function takesUefiDiskForRemoteMedia(manufacturer: number): boolean {
  return SUPERMICRO.has(manufacturer);
}
