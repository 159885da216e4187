import type { Ipv4 } from '../addr/ipv4.ts';
import type { FileAnswer } from '../rehearsal/compare-files.ts';
import { collapseLeadingSlashes } from '../tftp/request-policy.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { BootFileLookup } from './boot-file-lookup.ts';
import { TftpMapping } from './tftp-mapping.ts';
import { createTftpResolver, type TftpResolver } from './tftp-resolver.ts';

/** What bootd would send for a name, without a socket to send it from. */
export class FileInquiry {
  readonly #settings: TftpSettings;
  readonly #mapping: TftpMapping;
  readonly #resolver: TftpResolver;

  constructor(settings: TftpSettings, bootFiles: BootFileLookup) {
    this.#settings = settings;
    this.#mapping = new TftpMapping(settings.mapFile);
    this.#resolver = createTftpResolver(settings, this.#mapping, bootFiles, undefined);
  }

  /** Reads the map-file. Rejects with ConfigError for a bad one. */
  async load(): Promise<void> {
    await this.#mapping.load();
  }

  /** Looks up a read request, and closes again what was opened for it. Never rejects. */
  async ask(
    name: string,
    peer: Ipv4,
  ): Promise<{ readonly answer: FileAnswer; readonly wasCollapsed: boolean }> {
    const asItIs = await this.#resolver.inquire(name, peer, false);
    const wasCollapsed =
      asItIs.kind === 'refused' &&
      asItIs.reason === 'not-found' &&
      this.#settings.collapseDoubledSlashes &&
      collapseLeadingSlashes(name) !== undefined;
    const found = wasCollapsed ? await this.#resolver.inquire(name, peer, true) : asItIs;
    switch (found.kind) {
      case 'refused':
        return { answer: { kind: 'refused', code: found.code, message: found.message }, wasCollapsed };
      case 'rendered':
        return { answer: { kind: 'served', octets: found.rendered.bytes.length }, wasCollapsed };
      case 'file': {
        const { size } = found.opened.file;
        found.opened.drop();
        return { answer: { kind: 'served', octets: size }, wasCollapsed };
      }
    }
  }
}
