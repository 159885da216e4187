import type { FastifyInstance } from 'fastify';

/** Which methods the paths of an API have: for `Allow` (RFC 9110 section 10.2.1), when somebody tries another one. */
export class AllowedMethods {
  readonly #byPattern = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** Learns of every route that is added from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const known = this.#byPattern.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const one of [method].flat()) known.methods.add(one);
      this.#byPattern.set(url, known);
    });
  }

  /** The methods of a path, in the order of the alphabet; none for one that does not exist. */
  of(path: string): readonly string[] {
    const [bare = ''] = path.split('?', 1);
    const methods = [...this.#byPattern.values()].flatMap((route) =>
      route.pattern.test(bare) ? [...route.methods] : [],
    );
    return [...new Set(methods)].sort();
  }
}

/** `/v1/nodes/:uuid` as an expression in which a parameter stands for one part of a path. */
function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[^A-Za-z0-9]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}
