import { namedOptions, optionByName, OPTION } from '../wire/dhcp/option-codes.ts';
import { parseOptionType, type OptionType } from '../wire/dhcp/option-types.ts';

/** What a name of an option stands for. */
export interface CataloguedOption {
  readonly name: string;
  readonly code: number;
  readonly type: OptionType;
  /** The encapsulated space that the option is a sub-option of, in lower case; undefined for DHCP's own options. */
  readonly space: string | undefined;
}

/** `repeated`: several values may follow each other in one sub-option, each with a length of its own in it. */
type Suboption = readonly [code: number, name: string, type: string, repeated?: 'repeated'];

/**
 * Sub-options that have names without being defined: relay agents' (RFC 3046 and its followers), iPXE's own, and those
 * of the PXE specification 2.1, which option 43 carries where `vendor-option-space` says so.
 */
const STANDARD_SUBOPTIONS: Readonly<Record<string, readonly Suboption[]>> = {
  agent: [
    [1, 'circuit-id', 'string'],
    [2, 'remote-id', 'string'],
    [4, 'docsis-device-class', 'unsigned integer 32'],
    [5, 'link-selection', 'ip-address'],
    [6, 'subscriber-id', 'string'],
    [11, 'server-id-override', 'ip-address'],
    [12, 'relay-id', 'string'],
    [19, 'relay-port', 'flag'],
  ],
  ipxe: [
    [1, 'priority', 'signed integer 8'],
    [8, 'keep-san', 'unsigned integer 8'],
    [9, 'skip-san-boot', 'unsigned integer 8'],
    [16, 'pxeext', 'unsigned integer 8'],
    [17, 'iscsi', 'unsigned integer 8'],
    [18, 'aoe', 'unsigned integer 8'],
    [19, 'http', 'unsigned integer 8'],
    [20, 'https', 'unsigned integer 8'],
    [21, 'tftp', 'unsigned integer 8'],
    [22, 'ftp', 'unsigned integer 8'],
    [23, 'dns', 'unsigned integer 8'],
    [24, 'bzimage', 'unsigned integer 8'],
    [25, 'multiboot', 'unsigned integer 8'],
    [33, 'pxe', 'unsigned integer 8'],
    [34, 'elf', 'unsigned integer 8'],
    [36, 'efi', 'unsigned integer 8'],
    [38, 'vlan', 'unsigned integer 8'],
    [39, 'menu', 'unsigned integer 8'],
    [85, 'syslogs', 'string'],
    [91, 'cert', 'string'],
    [92, 'privkey', 'string'],
    [93, 'crosscert', 'string'],
    [176, 'no-pxedhcp', 'unsigned integer 8'],
    [177, 'bus-id', 'string'],
    [189, 'bios-drive', 'unsigned integer 8'],
    [190, 'username', 'string'],
    [191, 'password', 'string'],
    [235, 'version', 'string'],
  ],
  pxe: [
    [1, 'mtftp-ip', 'ip-address'],
    [2, 'mtftp-cport', 'unsigned integer 16'],
    [3, 'mtftp-sport', 'unsigned integer 16'],
    [4, 'mtftp-tmout', 'unsigned integer 8'],
    [5, 'mtftp-delay', 'unsigned integer 8'],
    [6, 'discovery-control', 'unsigned integer 8'],
    [7, 'discovery-mcast-addr', 'ip-address'],
    [8, 'boot-server', '{ unsigned integer 16, unsigned integer 8, array of ip-address }', 'repeated'],
    [9, 'boot-menu', '{ unsigned integer 16, unsigned integer 8, text }', 'repeated'],
    [10, 'menu-prompt', '{ unsigned integer 8, text }'],
    [71, 'boot-item', '{ unsigned integer 16, unsigned integer 16 }'],
  ],
};

/** The names that options have in one configuration: the standard ones and those that it defines. */
export class OptionCatalogue {
  readonly #defined = new Map<string, CataloguedOption>();
  readonly #carriers = new Map<string, number>();

  constructor() {
    for (const { code, type } of namedOptions()) this.#noteCarrier(code, type);
    for (const [space, options] of Object.entries(STANDARD_SUBOPTIONS)) {
      for (const [code, name, typeText, repeated] of options) {
        const one = parseOptionType(typeText);
        if (one === undefined) throw new Error(`the table of sub-options has an unknown type: ${typeText}`);
        const type: OptionType = repeated === undefined ? one : { kind: 'array', of: one };
        this.define({ name: `${space}.${name}`, code, type, space });
      }
    }
  }

  /** Gives a name, instead of what it stood for before. */
  define(option: CataloguedOption): void {
    this.#defined.set(option.name.toLowerCase(), option);
    if (option.space === undefined) this.#noteCarrier(option.code, option.type);
  }

  /** Lets option 43 carry a space: dhcpd's `vendor-option-space`. */
  carryInVendorOptions(space: string): void {
    this.#carriers.set(space.toLowerCase(), OPTION.vendorEncapsulatedOptions);
  }

  /** What a name stands for, in whatever case; `SPACE.NAME` for a sub-option. Undefined when nobody gave it. */
  find(name: string): CataloguedOption | undefined {
    const lower = name.toLowerCase();
    const defined = this.#defined.get(lower);
    if (defined !== undefined) return defined;
    const standard = optionByName(lower);
    return standard === undefined ? undefined : { ...standard, space: undefined };
  }

  /** The option that carries a space; undefined when none does, so that its sub-options are never sent. */
  carrierOf(space: string): number | undefined {
    return this.#carriers.get(space.toLowerCase());
  }

  /** Every space that an option carries, with that option's code. */
  carriers(): ReadonlyMap<string, number> {
    return this.#carriers;
  }

  /** Whether any sub-option of the space has a name. */
  hasSpace(space: string): boolean {
    const lower = space.toLowerCase();
    return [...this.#defined.values()].some((option) => option.space === lower);
  }

  /** All names, to suggest the nearest one. */
  names(): readonly string[] {
    const defined = Array.from(this.#defined.values(), (option) => option.name);
    return [...defined, ...namedOptions().map((option) => option.name)];
  }

  #noteCarrier(code: number, type: OptionType): void {
    if (type.kind === 'encapsulate') this.#carriers.set(type.space.toLowerCase(), code);
  }
}
