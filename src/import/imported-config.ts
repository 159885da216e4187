import type { YamlEntry, YamlNode } from './yaml-document.ts';
import { formatYamlDocument } from './yaml-document.ts';

/** The parts of a bootd.yaml that was put together from other programs' files. */
export interface ImportedConfig {
  /** The names of those files. */
  readonly sources: readonly string[];
  readonly interfaces: readonly string[];
  /** Undefined: the section is left out, and the service is off. */
  readonly dhcp: readonly YamlEntry[] | undefined;
  readonly tftp: readonly YamlEntry[] | undefined;
}

/** The text of the bootd.yaml. Behind each line stands the file and the line that it comes from. */
export function formatImportedConfig({ sources, interfaces, dhcp, tftp }: ImportedConfig): string {
  const named: YamlNode = { kind: 'flow-list', items: interfaces };
  const header = [
    `Made by 'bootd import' from ${sources.join(', ')}.`,
    'Behind each line stands where it comes from.',
    ...(interfaces.length > 0
      ? []
      : [
          '',
          'Name the interfaces that the machines are on; none of those files does:',
          'interfaces: [br-prov]',
        ]),
  ];
  return formatYamlDocument(header, [
    ...(interfaces.length > 0 ? [{ key: 'interfaces', value: named }] : []),
    ...section('dhcp', dhcp),
    ...section('tftp', tftp),
  ]);
}

function section(key: string, entries: readonly YamlEntry[] | undefined): readonly YamlEntry[] {
  if (entries === undefined) return [];
  const value: YamlNode = entries.length === 0 ? { kind: 'flow-map', entries: [] } : { kind: 'map', entries };
  return [{ key, value }];
}
