import { join } from 'node:path';
import type { ConfigProblem } from './config-error.ts';
import { checkShape } from './check-shape.ts';
import { itemsOf, type Located } from './located.ts';
import { parseDhcp } from './parse-dhcp.ts';
import { httpBootLocation, parseHttpSections } from './parse-http.ts';
import { parseDnsmasqFiles } from './parse-ironic.ts';
import { parsePath } from './parse-path.ts';
import { parsePower } from './parse-power.ts';
import { parseTftp } from './parse-tftp.ts';
import { parseYaml } from './parse-yaml.ts';
import { nearestName } from './nearest-name.ts';
import { ProblemList } from './problem-list.ts';
import { CONFIG_DEFAULTS, RawConfigSchema, type RawConfig } from './raw-config.ts';
import { collectReferences, type ReferencedFiles } from './referenced-files.ts';
import type { BootdSettings, UnknownMachineBoot } from './settings.ts';

/** Where a configuration comes from, and what surrounds it. */
export interface ConfigSource {
  /** The name that stands in messages. */
  readonly file: string;
  /** Absolute path of the folder that relative paths count from. */
  readonly folder: string;
  /** Absolute path of the templates that are used when the file names none. */
  readonly shippedTemplates: string;
}

/** What a file says, and what is wrong with it. */
export interface ParsedConfig {
  /** Undefined when there is any error. */
  readonly settings: BootdSettings | undefined;
  /** In the order of the file. */
  readonly problems: readonly ConfigProblem[];
  /** Files that it names, for whoever looks into them. */
  readonly files: ReferencedFiles;
}

/** Reads a configuration. Every problem is found, not only the first; nothing is thrown, and nothing but the text is read. */
export function parseConfig(text: string, source: ConfigSource): ParsedConfig {
  const problems = new ProblemList(source.file);
  const config = readShape(text, problems);
  const settings = config === undefined ? undefined : buildSettings(config, source, problems);
  return {
    settings: problems.hasErrors ? undefined : settings,
    problems: problems.sorted(),
    files: collectReferences(config, source),
  };
}

function readShape(text: string, problems: ProblemList): Located<RawConfig> | undefined {
  // Editors of some systems put a byte order mark in front; columns count without it.
  const yaml = parseYaml(text.replace(/^\uFEFF/, ''), problems);
  if (yaml === undefined) return undefined;
  return yaml.root === undefined ? EMPTY_CONFIG : checkShape(RawConfigSchema, yaml, problems);
}

function buildSettings(
  config: Located<RawConfig>,
  source: ConfigSource,
  problems: ProblemList,
): BootdSettings {
  const { value } = config;
  const pathOf = (written: Located<string> | undefined, otherwise: string): string =>
    written === undefined ? otherwise : parsePath(written, source.folder, problems);
  const httpSections = parseHttpSections(value, source.folder, problems);
  const dhcp = value.dhcp === undefined ? undefined : parseDhcp(value.dhcp, problems);
  const stateDirectory = pathOf(value['state-directory'], CONFIG_DEFAULTS.stateDirectory);
  const images = value.images?.value;
  const settings: BootdSettings = {
    interfaces: parseInterfaces(value.interfaces, problems),
    stateDirectory,
    logLevel: value['log-level']?.value ?? CONFIG_DEFAULTS.logLevel,
    dhcp: dhcp && { ...dhcp, httpBoot: httpBootLocation(httpSections.httpBoot) },
    tftp: value.tftp === undefined ? undefined : parseTftp(value.tftp, source.folder, problems),
    power: parsePower(value.power, problems),
    unknownMachines: parseUnknownMachines(value.boot?.value.unknown, problems),
    templatesDirectory: pathOf(value.templates, source.shippedTemplates),
    control: {
      socket: pathOf(value.control?.value.socket, CONFIG_DEFAULTS.controlSocket),
      group: value.control?.value.group?.value ?? CONFIG_DEFAULTS.controlGroup,
    },
    ...httpSections,
    images: {
      cacheDirectory: pathOf(images?.['cache-directory'], join(stateDirectory, 'images')),
      maxBytes: images?.['max-bytes']?.value ?? CONFIG_DEFAULTS.imagesMaxBytes,
      timeoutSeconds: images?.timeout?.value ?? CONFIG_DEFAULTS.imagesTimeoutSeconds,
    },
    dnsmasqFiles: parseDnsmasqFiles(value, source.folder, problems),
  };
  warnOfMissingParts(config, settings, problems);
  return settings;
}

const EMPTY_CONFIG: Located<RawConfig> = {
  value: {},
  place: { line: 1, column: 1 },
  keyPlace: { line: 1, column: 1 },
  source: '',
  placeWithin: () => ({ line: 1, column: 1 }),
  incomplete: false,
};

/** Names of interfaces are up to 15 octets, without a slash or white space (Linux `dev_valid_name`). */
const INTERFACE_NAME = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

function parseInterfaces(written: Located<string[]> | undefined, problems: ProblemList): readonly string[] {
  const names: string[] = [];
  for (const name of itemsOf<string>(written)) {
    if (!INTERFACE_NAME.test(name.value)) {
      problems.error(name.place, `'${name.value}' cannot be the name of a network interface`);
    } else if (names.includes(name.value)) {
      problems.warn(name.place, `the interface '${name.value}' is listed twice`);
    } else names.push(name.value);
  }
  return names;
}

const UNKNOWN_MACHINE_WORDS = ['none', 'local-disk', 'menu'] as const;

function parseUnknownMachines(
  written: Located<string> | undefined,
  problems: ProblemList,
): UnknownMachineBoot {
  const text = written?.value ?? CONFIG_DEFAULTS.unknownMachines;
  const kind = UNKNOWN_MACHINE_WORDS.find((word) => word === text);
  if (kind !== undefined) return { kind };
  if (written !== undefined) {
    if (text === '')
      problems.error(written.place, `expected one of ${UNKNOWN_MACHINE_WORDS.join(', ')}, or a profile`);
    const near = nearestName(text, UNKNOWN_MACHINE_WORDS);
    if (near !== undefined) {
      problems.warn(written.place, `'${text}' is taken for the name of a profile; did you mean '${near}'?`);
    }
  }
  return { kind: 'profile', name: text };
}

/** The sections that cannot work without `interfaces`; the daemon refuses to start while there are any. */
export function sectionsWithoutInterfaces(
  settings: Pick<BootdSettings, 'interfaces' | 'dhcp' | 'tftp'>,
): readonly ('dhcp' | 'tftp')[] {
  if (settings.interfaces.length > 0) return [];
  const tftpNeedsThem = settings.tftp !== undefined && settings.tftp.listen === undefined;
  return [
    ...(settings.dhcp === undefined ? [] : (['dhcp'] as const)),
    ...(tftpNeedsThem ? (['tftp'] as const) : []),
  ];
}

function warnOfMissingParts(
  config: Located<RawConfig>,
  settings: BootdSettings,
  problems: ProblemList,
): void {
  const { value } = config;
  // Where the file could not be read whole, what seems to be missing may be what was left out.
  if (config.incomplete) return;
  for (const name of value.interfaces?.incomplete === true ? [] : sectionsWithoutInterfaces(settings)) {
    if (name === 'tftp' && value.tftp?.incomplete === true) continue;
    const otherwise = name === 'tftp' ? " or 'listen'" : '';
    problems.warn(
      value[name]?.keyPlace ?? config.place,
      `'${name}' serves nobody without 'interfaces'${otherwise}; \`bootd serve\` will refuse to start`,
    );
  }
  if (settings.httpBoot !== undefined && settings.httpBoot.root === undefined) {
    problems.warn(
      value['http-boot']?.keyPlace ?? config.place,
      "there is neither 'root' here nor 'tftp', so only rendered boot files and images by URL are served",
    );
  }
  if (value.dhcp === undefined && value.tftp === undefined && value['http-boot'] === undefined) {
    problems.warn(
      config.place,
      "there is neither 'dhcp' nor 'tftp' nor 'http-boot', so no machine is served",
    );
  }
}
