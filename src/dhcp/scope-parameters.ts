import type { Ipv4 } from '../addr/ipv4.ts';
import { subnetContains } from '../addr/subnet.ts';
import type {
  ClassSettings,
  DhcpSettings,
  RangeSettings,
  ScopeParameters,
  SubnetSettings,
} from './dhcp-settings.ts';
import { nodeScope } from './node-options.ts';
import type { Machine } from './reservation.ts';
import { findRange, findSubnet, type SelectedNetwork } from './subnet-selection.ts';

/** The scopes that hold for one reply, the most specific first. */
export type ScopeChain = readonly ScopeParameters[];

/**
 * Orders the scopes: node, reservation, classes (the first one that matches before the next), range, subnet, shared network,
 * global. With `address`, range and subnet are those that it lies in; without, the subnet is the one that was selected,
 * and no range counts yet.
 */
export function scopeChain(
  settings: DhcpSettings,
  selected: SelectedNetwork | undefined,
  machine: Machine,
  classes: readonly ClassSettings[],
  isIpxe: boolean,
  address?: Ipv4,
): ScopeChain {
  const chain: ScopeParameters[] = [];
  if (machine.nodePort !== undefined) chain.push(nodeScope(machine.nodePort.node, isIpxe));
  if (machine.reservation !== undefined) chain.push(machine.reservation.parameters);
  const network = selected?.network;
  const located = address === undefined ? undefined : network && findSubnet(address, network);
  const subnet = located ?? selected?.subnet;
  for (const each of classes) if (speaksOn(each, subnet)) chain.push(each.parameters);
  if (network !== undefined && subnet !== undefined) {
    const range: RangeSettings | undefined = address === undefined ? undefined : findRange(address, network);
    if (range !== undefined) chain.push(range.parameters);
    chain.push(subnet.parameters, network.parameters);
  }
  chain.push(settings.parameters);
  return chain;
}

/** Whether a class has anything to say on a subnet. One that is bound to subnets is silent where there is none. */
function speaksOn({ onlyOn }: ClassSettings, located: SubnetSettings | undefined): boolean {
  if (onlyOn === undefined) return true;
  return (
    located !== undefined &&
    onlyOn.some(
      (subnet) =>
        subnet.prefixLength <= located.subnet.prefixLength && subnetContains(subnet, located.subnet.network),
    )
  );
}

type ScalarName = Exclude<
  keyof ScopeParameters,
  'options' | 'encapsulated' | 'filename' | 'filenameByFirmware'
>;

/** The value of a parameter in the most specific scope that has one. */
export function parameterOf<Name extends ScalarName>(
  chain: ScopeChain,
  name: Name,
): NonNullable<ScopeParameters[Name]> | undefined {
  for (const scope of chain) {
    const value = scope[name];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The value of an option in the most specific scope that has one. */
export function optionOf(chain: ScopeChain, code: number): Uint8Array | undefined {
  for (const { options } of chain) {
    const value = options.get(code);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Every option code that any scope has a value for, in ascending order. */
export function configuredCodes(chain: ScopeChain): readonly number[] {
  const codes = new Set<number>();
  for (const { options } of chain) for (const code of options.keys()) codes.add(code);
  return [...codes].sort((a, b) => a - b);
}

/** The sub-options of a space, merged code by code; empty when no scope has any. */
export function encapsulatedOf(chain: ScopeChain, space: string): ReadonlyMap<number, Uint8Array> {
  const merged = new Map<number, Uint8Array>();
  for (const { encapsulated } of chain) {
    for (const [code, value] of encapsulated.get(space) ?? []) if (!merged.has(code)) merged.set(code, value);
  }
  return merged;
}
