import { LossList, type Loss } from './loss-list.ts';
import { originOf } from './scope-entries.ts';
import type { SourcePlace } from './source-place.ts';
import { parseTftpdArguments, type PlacedWord, type TftpdOption } from './tftpd-arguments.ts';
import { isTftpdDefaults, parseTftpdDefaults } from './tftpd-defaults.ts';
import { findTftpService, type XinetdAttribute } from './xinetd-conf.ts';
import type { YamlEntry, YamlNode } from './yaml-document.ts';

/** What in.tftpd's surroundings come to. */
export interface ImportedTftp {
  /** The keys of the `tftp` section, each with where it comes from. */
  readonly tftp: readonly YamlEntry[];
  readonly losses: readonly Loss[];
}

/**
 * Says a file of xinetd for TFTP, or /etc/default/tftpd-hpa, in the words of bootd.yaml. `mapFile` is a map-file that was named besides,
 * which wins. Throws ImportError for a file that is neither.
 */
export function importTftpSetup(text: string, file: string, mapFile: string | undefined): ImportedTftp {
  const setup = new TftpSetup();
  if (isTftpdDefaults(text)) setup.readDefaults(text, file);
  else setup.readXinetd(text, file);
  return setup.finish({ file, line: 1, column: 1 }, mapFile);
}

/**
 * The `tftp` section for a map-file alone, when nobody says how in.tftpd was started: served is the folder that the map-file stands in, as it
 * does on most installations.
 */
export function importMapFile(mapFile: string): readonly YamlEntry[] {
  return [
    { key: 'root', value: usualRoot(mapFile) },
    { key: 'map-file', value: mapFile },
  ];
}

/** Where files are when in.tftpd is told no folder and serves the whole file system: beside the map-file, or where everybody has them. */
function usualRoot(mapFile: string | undefined): string {
  const folder = mapFile?.slice(0, mapFile.lastIndexOf('/'));
  return folder === undefined || folder === '' ? '/tftpboot' : folder;
}

const LARGEST_PORT = 65_535;
const LEAST_BLOCK_SIZE = 512;

class TftpSetup {
  readonly #losses = new LossList();
  readonly #entries = new Map<string, YamlEntry>();
  #root: PlacedWord | undefined;
  #isSecure = false;
  #verbosity = 0;
  #verbosityPlace: SourcePlace | undefined;

  readDefaults(text: string, file: string): void {
    for (const [name, words] of parseTftpdDefaults(text, file)) {
      const [first] = words;
      if (first === undefined) continue;
      const { place } = first;
      const shown = words.map((word) => word.text).join(' ');
      if (name === 'TFTP_OPTIONS') this.#readArguments(words);
      else if (name === 'TFTP_DIRECTORY') this.#addDirectory(first);
      else if (name === 'TFTP_ADDRESS') this.#setAddress(shown, place, `${name}=${shown}`);
      else if (name === 'TFTP_USERNAME') this.#losses.note(place, `${name}=${shown}`, USER_REASON);
      else this.#losses.lose(place, `${name}=${shown}`, 'bootd does not know what it is for');
    }
  }

  readXinetd(text: string, file: string): void {
    for (const attribute of findTftpService(text, file).attributes) this.#readAttribute(attribute);
  }

  finish(start: SourcePlace, mapFile: string | undefined): ImportedTftp {
    const named = this.#entries.get('map-file');
    if (mapFile !== undefined && named?.value !== mapFile) {
      this.#entries.set('map-file', { key: 'map-file', value: mapFile });
    }
    const map = this.#entries.get('map-file')?.value;
    const fallback = usualRoot(typeof map === 'string' ? map : undefined);
    const root: YamlEntry = {
      key: 'root',
      value: this.#root?.text ?? fallback,
      comment: this.#root && originOf(this.#root.place),
    };
    if (this.#root === undefined) {
      const reason = `in.tftpd then serves every file of the system; bootd serves those below one folder, here ${fallback}`;
      this.#losses.lose(start, 'no folder is named', reason);
    }
    // Without a word about it, names are relative to the root where there is no map-file, and absolute where there is one.
    const securedByDefault = map === undefined;
    const secure: readonly YamlEntry[] =
      this.#isSecure === securedByDefault ? [] : [{ key: 'secure', value: this.#isSecure }];
    if (this.#verbosity > 0 && this.#verbosityPlace !== undefined) {
      const words = Array.from({ length: Math.min(this.#verbosity, 9) }, () => '-v').join(' ');
      this.#losses.note(this.#verbosityPlace, words, `'bootd serve ${words}' logs as much`);
    }
    return { tftp: [root, ...this.#entries.values(), ...secure], losses: this.#losses.sorted() };
  }

  #readAttribute({ name, values }: XinetdAttribute): void {
    const shown = values.map(({ text }) => text).join(' ');
    const subject = `${name.text} = ${shown}`;
    switch (name.text) {
      case 'server_args':
        this.#readArguments(values);
        break;
      case 'bind':
      case 'interface':
        this.#setAddress(shown, name.place, subject);
        break;
      case 'port':
        this.#setPort(shown, name.place, subject);
        break;
      case 'disable':
        if (/^yes$/i.test(shown)) {
          const reason = 'xinetd did not start it; take the section `tftp` out if it is to stay off';
          this.#losses.note(name.place, subject, reason);
        }
        break;
      default:
        this.#reportAttribute(name, subject);
    }
  }

  #reportAttribute({ text, place }: PlacedWord, subject: string): void {
    if (text === 'user' || text === 'group') this.#losses.note(place, subject, USER_REASON);
    else if (text === 'server') this.#checkServer(subject, place);
    else if (ACCESS_ATTRIBUTES.has(text)) {
      this.#losses.lose(
        place,
        subject,
        'bootd keeps nobody away by his address; `interfaces` and a firewall do',
      );
    } else if (LIMIT_ATTRIBUTES.has(text)) {
      this.#losses.note(place, subject, 'bootd has limits of its own');
    } else if (FOR_XINETD_ALONE.has(text)) {
      this.#losses.note(place, subject, 'it is for xinetd, which bootd does without');
    } else if (!WIRING_ATTRIBUTES.has(text)) {
      this.#losses.lose(place, subject, 'bootd does not know what it is for');
    }
  }

  #checkServer(subject: string, place: SourcePlace): void {
    if (/\/(?:in\.)?tftpd$/.test(subject)) return;
    this.#losses.lose(
      place,
      subject,
      "this is not in.tftpd, but its options are read as if they were in.tftpd's",
    );
  }

  #readArguments(words: readonly PlacedWord[]): void {
    const { options, directories, unknown } = parseTftpdArguments(words);
    for (const option of options) this.#readOption(option);
    directories.forEach((directory) => this.#addDirectory(directory));
    for (const { text, place } of unknown) {
      this.#losses.lose(place, text, 'in.tftpd 5.2 has no such option');
    }
  }

  #readOption(option: TftpdOption): void {
    const { name, value, place, source } = option;
    switch (name) {
      case 'secure':
        this.#isSecure = true;
        break;
      case 'permissive':
        this.#set('permissive', true, place);
        break;
      case 'map-file':
        this.#set('map-file', value.startsWith('/') ? value : `/${value}`, place);
        break;
      case 'blocksize':
        this.#setNumber('block-size-max', value, LEAST_BLOCK_SIZE, 65_464, option);
        break;
      case 'retransmit':
        this.#setRetransmit(option);
        break;
      case 'port-range':
        this.#setPortRange(option);
        break;
      case 'address':
        this.#setAddress(value, place, source);
        break;
      case 'verbose':
      case 'verbosity':
        this.#verbosity = name === 'verbose' ? this.#verbosity + 1 : Number(value) || 0;
        this.#verbosityPlace ??= place;
        break;
      case 'refuse':
        this.#refuse(option);
        break;
      case 'create':
        this.#losses.lose(place, source, 'bootd takes no files');
        break;
      case 'user':
        this.#losses.note(place, source, USER_REASON);
        break;
      case 'ipv4':
      case 'ipv6':
        this.#losses.note(place, source, 'bootd answers in both families; `listen` narrows it down');
        break;
      case 'listen':
      case 'foreground':
      case 'pidfile':
      case 'timeout':
      case 'umask':
      case 'version':
        this.#losses.note(place, source, 'bootd is one process that stays, and takes no files');
        break;
    }
  }

  /** A block size that is never agreed on leaves blocks of 512 octets. */
  #refuse({ value, place, source }: TftpdOption): void {
    if (value === 'blksize') {
      this.#set('block-size-max', LEAST_BLOCK_SIZE, place);
      this.#losses.note(place, source, 'bootd agrees on 512 octets at most, which comes to the same');
    } else if (value === 'blksize2' || value === 'rollover' || value === 'utimeout') {
      this.#losses.note(place, source, 'bootd does not know this option of TFTP anyway');
    } else this.#losses.lose(place, source, 'bootd agrees on it with every client that asks');
  }

  #addDirectory(directory: PlacedWord): void {
    if (this.#root === undefined) this.#root = directory;
    else if (this.#root.text !== directory.text) {
      const reason = `bootd serves one folder, ${this.#root.text}; put a symbolic link there, and name this one in \`follow-symlinks-to\``;
      this.#losses.lose(directory.place, directory.text, reason);
    }
  }

  #setAddress(text: string, place: SourcePlace, subject: string): void {
    const match = /^(?:\[([\da-f:.%\w]+)\]|([\d.]+|[\da-f]*:[\da-f]*:[\da-f:.]*))?(?::(\d+))?$/i.exec(text);
    if (match === null) {
      this.#losses.lose(place, subject, `'${text}' is no address; bootd looks up no names`);
      return;
    }
    const address = match[1] ?? match[2];
    if (address !== undefined && address !== '0.0.0.0' && address !== '::') {
      this.#set('listen', { kind: 'flow-list', items: [address] }, place);
    }
    if (match[3] !== undefined) this.#setPort(match[3], place, subject);
  }

  #setPort(text: string, place: SourcePlace, subject: string): void {
    const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (port === 69) return;
    if (port >= 1 && port <= LARGEST_PORT) this.#set('port', port, place);
    else this.#losses.lose(place, subject, `'${text}' is no port`);
  }

  #setPortRange({ value, place, source }: TftpdOption): void {
    const match = /^(\d+):(\d+)$/.exec(value);
    const [first, last] = [Number(match?.[1]), Number(match?.[2])];
    if (first >= 1 && first <= last && last <= LARGEST_PORT) {
      this.#set('port-range', `${first}-${last}`, place);
    } else this.#losses.lose(place, source, `'${value}' is no range of ports`);
  }

  /** in.tftpd counts microseconds, bootd seconds. */
  #setRetransmit(option: TftpdOption): void {
    const seconds = Number(/^\d+$/.test(option.value) ? option.value : Number.NaN) / 1e6;
    if (seconds >= 0.01 && seconds <= 255) this.#set('retransmit', seconds, option.place);
    else this.#losses.lose(option.place, option.source, 'bootd takes 10 000 to 255 000 000 microseconds');
  }

  #setNumber(key: string, text: string, least: number, most: number, { place, source }: TftpdOption): void {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) this.#set(key, value, place);
    else this.#losses.lose(place, source, `'${text}' is not between ${least} and ${most}`);
  }

  #set(key: string, value: YamlNode, place: SourcePlace): void {
    this.#entries.set(key, { key, value, comment: originOf(place) });
  }
}

const USER_REASON = 'bootd runs as its own user, who must be able to read the files';

const ACCESS_ATTRIBUTES: ReadonlySet<string> = new Set([
  'only_from',
  'no_access',
  'access_times',
  'deny_time',
]);

const LIMIT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'cps',
  'instances',
  'max_load',
  'per_source',
  'nice',
  'rlimit_as',
  'rlimit_cpu',
  'rlimit_data',
  'rlimit_files',
  'rlimit_rss',
  'rlimit_stack',
]);

const FOR_XINETD_ALONE: ReadonlySet<string> = new Set([
  'enabled',
  'env',
  'flags',
  'groups',
  'libwrap',
  'log_on_failure',
  'log_on_success',
  'log_type',
  'mdns',
  'passenv',
  'umask',
  'v6only',
]);

/** What says no more than that the service is TFTP: bootd's section says it as well. */
const WIRING_ATTRIBUTES: ReadonlySet<string> = new Set(['id', 'protocol', 'socket_type', 'type', 'wait']);
