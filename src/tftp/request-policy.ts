import { TFTP_ERRORS, type TftpError, type TftpErrorCode, type TftpRefusalReason } from './tftp-errors.ts';

/** What a mapped name is held against; `TftpSettings` is one. */
export interface RequestPolicy {
  /** Absolute path of the folder that nothing is served from outside of. */
  readonly root: string;
  /** in.tftpd's `--secure`: names are relative to the root. Otherwise they are absolute and must lie below it. */
  readonly secure: boolean;
}

/** Whether a name may be looked for on disk at all. */
export type RequestCheck =
  | {
      readonly kind: 'allowed';
      /**
       * Below the root: no leading slash, none doubled, no `.` and no `..`; empty for the root itself. A slash or dot at
       * the end leaves a slash there, since open(2) then takes only a folder.
       */
      readonly relativePath: string;
    }
  | {
      readonly kind: 'refused';
      readonly code: TftpErrorCode;
      readonly message: string;
      readonly reason: TftpRefusalReason;
    };

/**
 * The checks of in.tftpd that need only the name, on the mapped name. Unlike there, the root ends with a path separator:
 * `/tftpboot` does not let `/tftpboot-other/f` through; and `..`, where it is let pass, is taken from the text and stops at
 * the root, wherever links may lead.
 */
export function checkRequest(name: string, policy: RequestPolicy): RequestCheck {
  if (policy.secure) {
    return name === '' ? refuse('not-found') : { kind: 'allowed', relativePath: normalize(name) };
  }
  if (!name.startsWith('/')) return refuse('relative-name');
  if (hasReversePath(name)) return refuse('reverse-path');
  const root = latin1Of(policy.root).replace(/\/+$/, '');
  if (!name.startsWith(root)) return refuse('forbidden-directory');
  // in.tftpd would serve a neighbour that only begins alike.
  if (name !== root && name[root.length] !== '/') return refuse('outside-root');
  return { kind: 'allowed', relativePath: normalize(name.slice(root.length)) };
}

/**
 * The name with its leading slashes made one, to be mapped and looked for once more after `not-found`; undefined when
 * there is nothing to collapse. pxelinux 6.04 puts the folder of its own path before every name, so that Ironic's
 * `/tftpboot/UUID/kernel` is asked for as `//tftpboot/UUID/kernel` when the boot file is `/pxelinux.0`; the usual
 * map-file then finds nothing, and the machine asks for ever. What in.tftpd would serve is never tried twice.
 */
export function collapseLeadingSlashes(name: string): string | undefined {
  return name.startsWith('//') ? name.replace(/^\/+/, '/') : undefined;
}

/** in.tftpd looks for `/../` only where at least one byte follows. */
function hasReversePath(name: string): boolean {
  return name.slice(0, -1).includes('/../');
}

function normalize(path: string): string {
  const kept: string[] = [];
  const components = path.split('/');
  for (const component of components) {
    if (component === '..') kept.pop();
    else if (component !== '' && component !== '.') kept.push(component);
  }
  const last = components.at(-1);
  const isFolder = kept.length > 0 && (last === '' || last === '.');
  return kept.join('/') + (isFolder ? '/' : '');
}

/** A path from the configuration in the form of names from the wire: its octets in UTF-8, one code unit each. */
function latin1Of(path: string): string {
  if (!/[^ -~]/.test(path)) return path;
  return Array.from(new TextEncoder().encode(path), (octet) => String.fromCharCode(octet)).join('');
}

function refuse(reason: TftpRefusalReason): RequestCheck {
  const { code, message }: TftpError = TFTP_ERRORS[reason];
  return { kind: 'refused', code, message, reason };
}
