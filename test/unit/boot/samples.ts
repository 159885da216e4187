import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseMac, type Mac } from '../../../src/addr/mac.ts';
import type { BootProfile } from '../../../src/boot/boot-profile.ts';
import type { NodeDraft } from '../../../src/boot/node-registry.ts';
import { parseNodeUuid, type Node, type NodeUuid, type Port } from '../../../src/boot/node.ts';

/** The application note's machine. */
export const MAC = mac('0c:c4:7a:0e:2b:6b');
export const UUID = uuid('40928205-b463-4846-b68a-97099512d8df');
export const OTHER_MAC = mac('0c:c4:7a:0e:2b:6c');
export const OTHER_UUID = uuid('1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f');

export function mac(text: string): Mac {
  const value = parseMac(text);
  if (value === undefined) throw new Error(`${text} is no MAC`);
  return value;
}

export function uuid(text: string): NodeUuid {
  const value = parseNodeUuid(text);
  if (value === undefined) throw new Error(`${text} is no UUID`);
  return value;
}

export function ipv4(text: string): Ipv4 {
  const value = parseIpv4(text);
  if (value === undefined) throw new Error(`${text} is no address`);
  return value;
}

export function portSample(changes: Partial<Port> = {}): Port {
  return { address: MAC, pxeEnabled: true, fixedAddress: undefined, extra: {}, ...changes };
}

export function nodeDraft(changes: Partial<NodeDraft> = {}): NodeDraft {
  return {
    uuid: UUID,
    name: 'bm1',
    bootMode: undefined,
    ports: [portSample()],
    dhcpOptions: [],
    bmc: undefined,
    purpose: undefined,
    arch: undefined,
    managedBy: undefined,
    ...changes,
  };
}

export function nodeSample(changes: Partial<Node> = {}): Node {
  return { ...nodeDraft(), generation: 1, ...changes };
}

export function profileSample(changes: Partial<BootProfile> = {}): BootProfile {
  return {
    purpose: 'deploy',
    kernel: `${UUID}/deploy_kernel`,
    ramdisk: `${UUID}/deploy_ramdisk`,
    kernelAppendParams: 'nofb nomodeset vga=normal console=ttyS0,115200 ipa-api-url=http://192.168.0.1:6385',
    template: undefined,
    policy: 'always',
    ...changes,
  };
}
