import { Type, type Static } from '@sinclair/typebox';
import { BOOT_POLICIES, parseImageLocation, type BootProfile } from '../boot/boot-profile.ts';
import { formatImageChecksum, parseImageChecksum } from '../boot/image-checksum.ts';
import type { Node } from '../boot/node.ts';
import type { NodeBoot, ProfileAssignment, SharedProfile } from '../boot/node-registry.ts';
import { ProblemError, type ProblemDetail } from './problem.ts';
import { nullable } from './schema-terms.ts';

const WORD_PATTERN = '^[A-Za-z0-9._-]+$';
/** Printable ASCII and tabs: what loaders and the kernel take for the same words. */
const PRINTABLE_LINE = /^[ -~\t]*$/;
/** x86's COMMAND_LINE_SIZE with its NUL (arch/x86/include/asm/setup.h); pxelinux has the same limit. */
const MAX_KERNEL_ARGUMENTS = 2047;

/** The name of a shared profile. */
export const ProfileNameSchema = Type.String({ pattern: WORD_PATTERN, maxLength: 64 });

const CHECKSUM = Type.String({
  description:
    'Of what the URL leads to: `sha256:HEX`, `sha512:HEX` or `md5:HEX`, or the hex digits alone. With it, bootd fetches ' +
    'the image before it answers, and machines get it from bootd; without it, the loader fetches the URL by itself.',
  examples: ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
});

const PROFILE_FIELDS = {
  purpose: Type.Optional(
    nullable(
      Type.String({ pattern: WORD_PATTERN, maxLength: 64, description: 'deploy, rescue, instance, ...' }),
    ),
  ),
  kernel: Type.Optional(
    nullable(
      Type.String({ minLength: 1, description: 'Path below the TFTP root, or an http(s) or file URL.' }),
    ),
  ),
  ramdisk: Type.Optional(
    nullable(
      Type.String({ minLength: 1, description: 'Path below the TFTP root, or an http(s) or file URL.' }),
    ),
  ),
  kernel_checksum: Type.Optional(nullable(CHECKSUM)),
  ramdisk_checksum: Type.Optional(nullable(CHECKSUM)),
  kernel_append_params: Type.Optional(nullable(Type.String({ maxLength: MAX_KERNEL_ARGUMENTS }))),
  template: Type.Optional(
    nullable(
      Type.String({
        pattern: WORD_PATTERN,
        maxLength: 64,
        description: 'NAME of the templates `pxelinux-NAME.tmpl`, `grub-NAME.tmpl`, `ipxe-NAME.tmpl`.',
      }),
    ),
  ),
  policy: Type.Optional(
    Type.Union(
      BOOT_POLICIES.map((policy) => Type.Literal(policy)),
      { default: 'always' },
    ),
  ),
};

/** Members of an answer that may stand in a PUT, so that what was read can be put back; they are not looked at. */
const IGNORED_FIELDS = {
  generation: Type.Optional(Type.Unknown({ description: 'Not looked at; use If-Match.' })),
  warnings: Type.Optional(Type.Unknown({ description: 'Not looked at.' })),
};

/** The body of `PUT /v1/profiles/{name}`. */
export const SharedProfilePutSchema = Type.Object(
  {
    name: Type.Optional(Type.String({ description: 'Must be that of the path.' })),
    ...PROFILE_FIELDS,
    ...IGNORED_FIELDS,
  },
  { additionalProperties: false, description: 'A profile that several nodes may use.' },
);

/** The body of `PUT /v1/nodes/{uuid}/boot-profile`: a profile, or the name of a shared one and nothing else. */
export const BootProfilePutSchema = Type.Object(
  {
    name: Type.Optional(nullable(ProfileNameSchema)),
    ...PROFILE_FIELDS,
    ...IGNORED_FIELDS,
    done_at: Type.Optional(Type.Unknown({ description: 'Not looked at: a PUT asks for one more boot.' })),
  },
  {
    additionalProperties: false,
    description: 'What a node boots: a profile, or the `name` of a shared one alone.',
  },
);

const PROFILE_ANSWER = {
  purpose: nullable(Type.String()),
  kernel: nullable(Type.String()),
  ramdisk: nullable(Type.String()),
  kernel_checksum: nullable(Type.String()),
  ramdisk_checksum: nullable(Type.String()),
  kernel_append_params: Type.String(),
  template: nullable(Type.String()),
  policy: Type.Union(BOOT_POLICIES.map((policy) => Type.Literal(policy))),
};

const GENERATION = Type.Integer({ description: 'The ETag.' });
const WARNINGS = Type.Array(Type.String(), {
  description: 'What is legal, and still will not boot as things are: a path that is not there (yet).',
});

/** A shared profile in an answer. */
export const SharedProfileSchema = Type.Object({
  name: Type.String(),
  ...PROFILE_ANSWER,
  generation: GENERATION,
  warnings: WARNINGS,
});

/** A node's boot profile in an answer; with a `name` the rest stands in that shared profile. */
export const BootProfileSchema = Type.Object({
  name: Type.Optional(Type.String()),
  ...Type.Partial(Type.Object(PROFILE_ANSWER)).properties,
  done_at: nullable(Type.String({ description: 'When policy `once` had its one boot.' })),
  generation: GENERATION,
  warnings: WARNINGS,
});

type ProfileAnswer = Omit<Static<typeof SharedProfileSchema>, 'name' | 'generation' | 'warnings'>;
type ProfileFields = Omit<Static<typeof SharedProfilePutSchema>, 'name' | 'generation' | 'warnings'>;

/** Reads a shared profile that has passed the schema. Throws ProblemError for what a schema cannot say. */
export function parseSharedProfile(
  name: string,
  document: Static<typeof SharedProfilePutSchema>,
): BootProfile {
  const errors = profileErrors(document);
  if (document.name !== undefined && document.name !== name) {
    errors.push({ pointer: '/name', detail: `is not the one of the path, ${name}` });
  }
  return profileOf(document, errors);
}

/** Reads a node's boot profile that has passed the schema. Throws ProblemError for what a schema cannot say. */
export function parseBootProfile(document: Static<typeof BootProfilePutSchema>): ProfileAssignment {
  const name = document.name ?? undefined;
  if (name === undefined) return { kind: 'own', profile: profileOf(document, profileErrors(document)) };
  const others = Object.keys(PROFILE_FIELDS).filter((key) => isGiven(document[key as keyof ProfileFields]));
  if (others.length > 0) {
    const detail = 'cannot stand beside "name": the shared profile says it';
    const errors = others.map((key) => ({ pointer: `/${key}`, detail }));
    throw new ProblemError('invalid-value', 'The boot profile cannot be taken as it is', errors);
  }
  return { kind: 'shared', name };
}

function profileErrors(document: ProfileFields): ProblemDetail[] {
  const errors: ProblemDetail[] = [];
  for (const key of ['kernel', 'ramdisk'] as const) {
    const image = document[key];
    const written = document[`${key}_checksum`] ?? undefined;
    const checksum = written === undefined ? undefined : parseImageChecksum(written);
    if (written !== undefined && checksum === undefined) {
      const detail = 'is no checksum; write sha256:, sha512: or md5: and its hex digits';
      errors.push({ pointer: `/${key}_checksum`, detail });
      continue;
    }
    if (!isGiven(image)) {
      if (checksum !== undefined) {
        errors.push({ pointer: `/${key}_checksum`, detail: `says nothing without a ${key}` });
      }
      continue;
    }
    const location = parseImageLocation(image, undefined, checksum);
    if (location.kind === 'invalid') errors.push({ pointer: `/${key}`, detail: location.reason });
  }
  if (!isGiven(document.kernel) && !isGiven(document.template) && document.policy !== 'local-disk') {
    errors.push({
      pointer: '/kernel',
      detail: 'is needed, unless the policy is local-disk or a template is named',
    });
  }
  if (!PRINTABLE_LINE.test(document.kernel_append_params ?? '')) {
    const detail = 'holds a line end, or something else than printable ASCII';
    errors.push({ pointer: '/kernel_append_params', detail });
  }
  return errors;
}

/** Null is how Ironic's clients leave a member out. */
function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

function profileOf(document: ProfileFields, errors: readonly ProblemDetail[]): BootProfile {
  if (errors.length > 0)
    throw new ProblemError('invalid-value', 'The boot profile cannot be taken as it is', errors);
  return {
    purpose: document.purpose ?? undefined,
    kernel: document.kernel ?? undefined,
    ramdisk: document.ramdisk ?? undefined,
    ...checksumOf('kernelChecksum', document.kernel_checksum),
    ...checksumOf('ramdiskChecksum', document.ramdisk_checksum),
    kernelAppendParams: document.kernel_append_params ?? '',
    template: document.template ?? undefined,
    policy: document.policy ?? 'always',
  };
}

function checksumOf(
  key: 'kernelChecksum' | 'ramdiskChecksum',
  written: string | null | undefined,
): Pick<BootProfile, 'kernelChecksum' | 'ramdiskChecksum'> {
  const checksum = isGiven(written) ? parseImageChecksum(written) : undefined;
  return checksum === undefined ? {} : { [key]: checksum };
}

/** The shared profile as the API shows it. */
export function formatSharedProfile(
  { name, profile, generation }: SharedProfile,
  warnings: readonly string[],
): Static<typeof SharedProfileSchema> {
  return { name, ...formatProfile(profile), generation, warnings: [...warnings] };
}

/** A node's boot profile as the API shows it. */
export function formatBootProfile(
  node: Node,
  { assignment, doneAt }: NodeBoot,
  warnings: readonly string[],
): Static<typeof BootProfileSchema> {
  return {
    ...(assignment.kind === 'shared' ? { name: assignment.name } : formatProfile(assignment.profile)),
    done_at: doneAt === undefined ? null : new Date(doneAt).toISOString(),
    generation: node.generation,
    warnings: [...warnings],
  };
}

function formatProfile(profile: BootProfile): ProfileAnswer {
  return {
    purpose: profile.purpose ?? null,
    kernel: profile.kernel ?? null,
    ramdisk: profile.ramdisk ?? null,
    kernel_checksum:
      profile.kernelChecksum === undefined ? null : formatImageChecksum(profile.kernelChecksum),
    ramdisk_checksum:
      profile.ramdiskChecksum === undefined ? null : formatImageChecksum(profile.ramdiskChecksum),
    kernel_append_params: profile.kernelAppendParams,
    template: profile.template ?? null,
    policy: profile.policy,
  };
}
