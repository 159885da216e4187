import { IpmiError } from '../../../src/ipmi/ipmi-error.ts';
import type { PowerCommands } from '../../../src/control/power-commands.ts';
import type { WatchCommands } from '../../../src/control/watch-commands.ts';
import { ProblemError } from '../../../src/control/problem.ts';
import { TestApi } from '../../unit/control/api.ts';
import { MAC, UUID } from '../../unit/boot/samples.ts';
import { keptTexts } from '../corpus.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';

const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST'] as const;

/** Documents that are right, for each path that takes one; paths and query strings for the others. */
const REQUESTS: readonly (readonly [target: string, document?: object])[] = [
  [
    `PUT /v1/nodes/${UUID}`,
    {
      name: 'bm1',
      boot_mode: 'uefi',
      arch: 'x86_64',
      ports: [
        {
          address: MAC,
          pxe_enabled: true,
          fixed_address: '192.168.0.20',
          extra: { 'client-id': 'ff:00', nested: [1, null] },
        },
      ],
      dhcp_options: [{ opt_name: '67', opt_value: 'pxelinux.0', ip_version: 4 }],
      bmc: {
        address: '127.0.0.1',
        port: 623,
        username: 'admin',
        password: 'secret',
        privilege: 'operator',
        cipher_suite: 17,
      },
      purpose: 'deploy',
      managed_by: 'ironic',
    },
  ],
  [`PATCH /v1/nodes/${UUID}`, { name: null, ports: [] }],
  [
    `PUT /v1/nodes/${UUID}/boot-profile`,
    {
      purpose: 'deploy',
      kernel: 'k',
      ramdisk: 'https://a.example/r',
      ramdisk_checksum: `sha256:${'0'.repeat(64)}`,
      kernel_append_params: 'a b=c',
      policy: 'once',
    },
  ],
  [`PUT /v1/nodes/${UUID}/boot-profile`, { name: 'rescue' }],
  [
    'PUT /v1/profiles/rescue',
    { purpose: 'rescue', kernel: 'k', ramdisk: 'r', template: 'rescue', policy: 'always' },
  ],
  [`POST /v1/nodes/${UUID}/power`, { action: 'reset' }],
  [`PUT /v1/nodes/${UUID}/boot-device`, { device: 'pxe', uefi: true, persistent: false }],
  [`POST /v1/nodes/${UUID}/bmc/identify`, { seconds: 15 }],
  [`POST /v1/nodes/${UUID}/bmc/raw`, { net_fn: 6, command: 1, data: '00ff' }],
  [`POST /v1/nodes/${UUID}/boot`, { uefi: null, even_if_managed: true, console: true }],
  ['POST /v1/probes', { mac: MAC, lifetime_seconds: 60 }],
  ...[
    ...[
      '/healthz',
      '/readyz',
      '/metrics',
      '/v1/openapi.json',
      '/v1/nodes',
      '/v1/profiles',
      '/v1/images',
      '/v1/leases?mac=52:54:00:00:00:01',
    ],
    ...[
      '/v1/leases?state=bound&subnet=192.168.0.0/24',
      '/v1/leases/192.168.0.9',
      '/v1/boots?node=x',
      '/v1/boots/1a',
      '/v1/probes',
    ],
    ...[
      `/v1/nodes/${UUID}`,
      `/v1/nodes/${UUID}/leases`,
      `/v1/nodes/${UUID}/power`,
      `/v1/nodes/${UUID}/bmc/sel?limit=3`,
      '/v1/probes/1/file?name=a&address=1.2.3.4',
    ],
  ].map((path) => [`GET ${path}`] as const),
  ...[`/v1/nodes/${UUID}`, '/v1/profiles/rescue', '/v1/leases/192.168.0.9'].map(
    (path) => [`DELETE ${path}`] as const,
  ),
];

const PATH_TOKENS = [
  '/',
  '%2f',
  '%00',
  '%',
  '..',
  '%2e%2e',
  '?',
  '&',
  '=',
  '#',
  UUID,
  'nodes',
  'a'.repeat(300),
  'é',
  '__proto__',
  '\\',
  '//',
  ':',
];
const HEADER_LINES = [
  ...[
    'content-type: application/json',
    'content-type: text/plain',
    'content-type: application/merge-patch+json',
    'content-type: application/json; charset=utf-16',
  ],
  ...[
    'if-match: "1"',
    'if-match: *',
    'if-none-match: *',
    'if-match: W/"x", "y"',
    'authorization: Bearer x',
    'accept: */*',
    'content-length: 5',
    'x: \u00ff',
  ],
];
const JSON_TOKENS = [
  'null',
  'true',
  '-1',
  '1e309',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '[]',
  '{}',
  '[[',
  '"__proto__":{}',
  '"constructor":1',
  ',',
  ':',
  '1'.repeat(400),
  `"${'x'.repeat(2000)}"`,
];

/** Requests one after another: a line with method and target, header lines, an empty line, the body; `\0` between them. */
function written(target: string, document: object | undefined): string {
  if (document === undefined) return `${target}\n\n`;
  return `${target}\ncontent-type: application/json\n\n${JSON.stringify(document)}`;
}

function generateRequests(random: FuzzRandom): string {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const [target, document] = random.pick(REQUESTS);
    const [method = '', path = ''] = target.split(' ');
    const otherPath = random.chance(0.2)
      ? path.slice(0, random.below(path.length)) +
        random.pick(PATH_TOKENS) +
        path.slice(random.below(path.length))
      : path;
    const head = `${random.chance(0.1) ? random.pick(METHODS) : method} ${otherPath}`;
    const headers = [
      'content-type: application/json',
      ...(random.chance(0.2) ? [random.pick(HEADER_LINES)] : []),
    ];
    return `${head}\n${headers.join('\n')}\n\n${document === undefined ? '' : JSON.stringify(changedValue(document, random))}`;
  }).join('\0');
}

const VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  1e20,
  '',
  'x',
  '\0',
  '\ud800',
  '192.168.0.1',
  '999.1.1.1',
  MAC,
  'a'.repeat(300),
  [],
  {},
  [[]],
  [null],
  { '': {} },
];

/** A document with one or two of its values changed, taken out, doubled, or renamed. */
function changedValue(document: object, random: FuzzRandom): unknown {
  const value: unknown = structuredClone(document);
  for (let changes = random.below(3); changes > 0; changes -= 1) {
    const places = placesOf(value);
    if (places.length === 0) return value;
    const [container, key] = random.pick(places);
    if (random.chance(0.6)) container[key] = structuredClone(random.pick<unknown>(VALUES));
    else if (random.chance(0.5)) Reflect.deleteProperty(container, key);
    else container[`${key}${random.pick(['x', '\0', ' '])}`] = container[key];
  }
  return value;
}

type Container = Record<string, unknown>;

function placesOf(value: unknown): readonly (readonly [Container, string])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [value as Container, key] as const,
    ...placesOf(inner),
  ]);
}

const noAnswer = (): Promise<never> => Promise.reject(new IpmiError('unreachable', 'nobody answers'));

/** BMCs that answer nothing, whatever they are asked: nodes name addresses that come from a fuzzer, and nothing is sent there. */
const BMCS = new Proxy({} as PowerCommands, {
  get: (_, question) => (question === 'view' ? () => undefined : noAnswer),
});

const WATCHES: WatchCommands = {
  begin: () => {
    throw new ProblemError('node-not-found', 'nothing is booted here');
  },
  watch: () => undefined,
  cancel: () => undefined,
};

async function openControlApi(): Promise<OpenTarget> {
  const api = new TestApi();
  api.bmcs = BMCS;
  api.watches = WATCHES;
  await api.open();
  return textTarget({
    limitMs: 2000,
    seeds: [...REQUESTS.map(([target, document]) => written(target, document)), ...keptTexts('control-api')],
    tokens: [...PATH_TOKENS, ...HEADER_LINES.map((line) => `\n${line}\n`), ...JSON_TOKENS],
    generate: generateRequests,
    close: () => api.close(),
    check: async (input) => {
      let verdict: FuzzVerdict = 'refused';
      for (const request of input.split('\0').slice(0, 4)) {
        if ((await play(api, request)) < 400) verdict = 'taken';
      }
      await forgetEverything(api);
      return verdict;
    },
  });
}

/** Each request finds the API as it was at the start, so that an input means the same alone. */
async function forgetEverything(api: TestApi): Promise<void> {
  for (const { uuid } of api.registry.listNodes()) await api.call('DELETE', `/v1/nodes/${uuid}`);
  for (const { name } of api.registry.listSharedProfiles())
    await api.call('DELETE', `/v1/profiles/${encodeURIComponent(name)}`);
  api.store.committed.length = 0;
  api.logged.length = 0;
}

/** Event streams and consoles do not end by themselves; what they read stands in the path and query alone. */
const STREAMS = /event|consol/i;

async function play(api: TestApi, request: string): Promise<number> {
  const [head = '', ...rest] = request.split('\n');
  const [method = '', ...words] = head.split(' ');
  const known = METHODS.find((one) => one === method);
  const target = words.join(' ');
  if (
    known === undefined ||
    !URL.canParse(target, 'http://localhost') ||
    !target.startsWith('/') ||
    STREAMS.test(decodeLeniently(target))
  )
    return 400;
  const end = rest.indexOf('');
  const headers: Record<string, string> = {};
  for (const line of rest.slice(0, Math.max(0, end))) {
    const [, name, value] = /^([\w-]+): ([\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name !== undefined && name !== 'content-length' && name !== 'transfer-encoding')
      headers[name.toLowerCase()] = value ?? '';
  }
  const body = end < 0 ? '' : rest.slice(end + 1).join('\n');
  const answer = await api.call(known, target, body === '' ? undefined : body, headers);
  checkAnswer(answer.status, answer.body, known);
  return answer.status;
}

function decodeLeniently(target: string): string {
  return target.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

/** What went wrong is a problem document with a code, and never the daemon's own fault. */
function checkAnswer(status: number, body: unknown, method: string): void {
  mustHold(status !== 500, () => `500: ${JSON.stringify(body)}`);
  if (status < 400 || method === 'HEAD') return;
  const isProblem =
    typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string';
  mustHold(isProblem || status === 503, () => `${status} without a code: ${JSON.stringify(body)}`);
  mustHold(JSON.stringify(body).length < 200_000, () => 'a problem is told at great length');
}

export const CONTROL_API_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'control-api',
    reads: 'requests of the control API: methods, paths, queries, headers, JSON bodies',
    open: openControlApi,
  },
];
