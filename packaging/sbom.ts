import { spawnSync } from 'node:child_process';

/**
 * What is in a folder with a program and its node_modules, as a CycloneDX document made by npm. What differs from one run
 * or machine to the next is taken out: serial number, npm's own version, and where packages were downloaded from.
 */
export function productionSbom(folder: string, date: Date): string {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'],
    {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
      // Words of the npm that runs this script are not meant for the one that it starts.
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
    },
  );
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  const sbom = JSON.parse(stdout) as SbomDocument;
  delete sbom.serialNumber;
  delete sbom.metadata.tools;
  sbom.metadata.timestamp = date.toISOString();
  for (const component of sbom.components) delete component.externalReferences;
  return `${JSON.stringify(sbom, undefined, 2)}\n`;
}

/** What is changed of it. */
interface SbomDocument {
  serialNumber?: string;
  readonly metadata: { tools?: unknown; timestamp: string };
  readonly components: readonly { externalReferences?: unknown }[];
}
