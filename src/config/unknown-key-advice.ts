import { didYouMean } from './nearest-name.ts';
import type { ShapeSchema } from './shape-schema.ts';

/** Words of dhcpd.conf(5), in.tftpd(8) and Kea that are said differently here, and how. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  allow: 'who may use a range stands in that range; allow-booting and allow-bootp are keys of their own',
  'client-identifier': "it is called 'client-id' here",
  'dhcp-client-identifier': "it is called 'client-id' here",
  'dynamic-bootp': "it belongs into an entry of 'ranges'",
  ethernet: "it is called 'hardware-ethernet' here",
  group: 'there are no groups; write what a group says into each reservation, or share it with a YAML anchor',
  host: "a host declaration is an entry of 'reservations'",
  hosts: "a host declaration is an entry of 'reservations'",
  include: 'a configuration is one file',
  interface: "it is called 'interfaces' here, and takes a list",
  'map-file': "it belongs into 'tftp'",
  netmask: "the netmask is part of 'subnet': 192.168.0.0/24",
  option: "options stand in a mapping 'options'",
  pool: "a pool is an entry of 'ranges'",
  pools: "a pool is an entry of 'ranges'",
  range: "ranges stand in a list 'ranges': [{ range: FIRST-LAST }]",
  routers: "it is an option and belongs into 'options'",
  'shared-network': "shared networks stand in a list 'shared-networks'",
  'vendor-class': "match it with a class: match: 'option vendor-class-identifier = ...'",
};

/**
 * What to say after "unknown key 'x'": the nearest key of the place, the place where the key does belong, or what a
 * word of another program is called here. Empty when nothing fits.
 */
export function adviceForUnknownKey(key: string, keysHere: readonly string[], whole: ShapeSchema): string {
  const near = didYouMean(key, keysHere);
  if (near !== '') return near;
  const homes = findHomes(key, whole, []);
  if (homes.length > 0) return `; it belongs into ${homes.slice(0, 3).join(' or ')}`;
  return Object.hasOwn(OTHER_WORDS, key) ? `; ${OTHER_WORDS[key] ?? ''}` : '';
}

/** The mappings of the schema that know the key, as `'dhcp.subnets'`, the outermost first. */
function findHomes(key: string, schema: ShapeSchema, path: readonly string[]): readonly string[] {
  const { properties = {}, items, anyOf = [] } = schema;
  const here = Object.hasOwn(properties, key)
    ? [path.length === 0 ? 'the top level' : `'${path.join('.')}'`]
    : [];
  const below = [
    ...Object.entries(properties).flatMap(([name, child]) => findHomes(key, child, [...path, name])),
    ...(items === undefined ? [] : findHomes(key, items, path)),
    ...anyOf.flatMap((choice) => findHomes(key, choice, path)),
  ];
  return [...new Set([...here, ...below])].sort((a, b) => a.split('.').length - b.split('.').length);
}
