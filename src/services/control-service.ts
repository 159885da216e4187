import { chown, lstat, mkdir, readFile, stat, unlink } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { ControlSettings, HttpSettings, ListenAddress } from '../config/settings.ts';
import type { Access } from '../control/access.ts';
import {
  createControlServer,
  type ControlParts,
  type ControlServer,
  type RehearsalParts,
} from '../control/http-server.ts';
import { problemDocument, ProblemError } from '../control/problem.ts';
import { IoError, ioErrorFromOsCode } from '../io/io-error.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { ADMIN_LIMITS, ConnectionGuard, type ConnectionLimits } from './connection-limits.ts';
import { groupIdOf } from './group-id.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface ControlServiceParts {
  readonly control: ControlSettings;
  /** Undefined: only the socket. */
  readonly http: HttpSettings | undefined;
  readonly api: ControlParts | RehearsalParts;
  /** Of the admins' side. */
  readonly limits?: ConnectionLimits;
}

/** One listening address, and the API behind it. */
interface Endpoint {
  readonly app: ControlServer;
  readonly server: Server;
}

/** Takes away what others may do, and everybody's right to execute: 0660 from the first moment on. */
const SOCKET_UMASK = 0o117;
/** How long requests that are under way at the end may still take. */
const CLOSING_MS = 2000;
const CONNECT_TIMEOUT_MS = 1000;
const HEADER_OCTETS_MAX = 16 * 1024;
const READABLE_BY_OTHERS = 0o004;

/** The control API on the Unix socket, where callers may do everything, and on the admins' address, for reading. */
export class ControlService implements Service {
  readonly name = 'control';
  readonly #parts: ControlServiceParts;
  readonly #endpoints: Endpoint[] = [];
  /** What admins may do over HTTP; the token is another one after a reload. */
  readonly #adminAccess: { readonly kind: 'read-only'; token: string | undefined } = {
    kind: 'read-only',
    token: undefined,
  };

  constructor(parts: ControlServiceParts) {
    this.#parts = parts;
  }

  /** Where the admins' side listens; differs from the settings for port 0. Undefined when it is off. */
  get httpAddress(): AddressInfo | undefined {
    return this.#endpoints
      .map(({ server }) => server.address())
      .find((address): address is AddressInfo => typeof address === 'object' && address !== null);
  }

  /** Rejects with IoError when an address is taken or may not be listened on. */
  async start(): Promise<void> {
    try {
      await this.#startSocket();
      if (this.#parts.http !== undefined) await this.#startHttp(this.#parts.http);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Reads the token of other settings without taking it yet: the function that it resolves with does, for every request
   * from then on. Rejects with IoError when there is none where it should be.
   */
  async prepare(http: HttpSettings | undefined): Promise<() => void> {
    const token = await this.#readToken(http);
    return () => {
      this.#adminAccess.token = token;
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#endpoints.splice(0).map(closeEndpoint));
  }

  async #startSocket(): Promise<void> {
    const { control, api } = this.#parts;
    await mkdir(dirname(control.socket), { recursive: true });
    await removeStaleSocket(control.socket);
    const { server } = await this.#open({ kind: 'full' });
    await listen(server, `cannot listen on ${control.socket}`, () => {
      // bind(2) happens within this call, so no file of anybody else is made under this umask.
      const before = process.umask(SOCKET_UMASK);
      try {
        server.listen(control.socket);
      } finally {
        process.umask(before);
      }
    });
    await giveToGroup(control.socket, control.group, api.logger);
    api.logger.info({ event: EVENTS.controlListening, socket: control.socket }, 'control socket is open');
  }

  async #startHttp(http: HttpSettings): Promise<void> {
    const { logger } = this.#parts.api;
    const { host, port } = http.listen;
    const token = await this.#readToken(http);
    this.#adminAccess.token = token;
    const { server } = await this.#open(this.#adminAccess);
    const where = formatListenAddress({ host, port });
    await listen(server, `cannot listen on ${where}`, () => server.listen({ host, port }));
    logger.info(
      {
        event: EVENTS.controlListening,
        listen: where,
        changes: token === undefined ? 'refused' : 'with token',
      },
      'admins can read over HTTP',
    );
  }

  async #readToken(http: HttpSettings | undefined): Promise<string | undefined> {
    const file = http?.tokenFile;
    return file === undefined ? undefined : readToken(file, this.#parts.api.logger);
  }

  async #open(access: Access): Promise<Endpoint> {
    const { api, http, limits = ADMIN_LIMITS } = this.#parts;
    const ownNames = new Set([hostname().toLowerCase(), ...(http?.hostNames ?? [])]);
    const app = await createControlServer(api, access, ownNames);
    const server = access.kind === 'full' ? openToGroup(app) : openToAdmins(app, limits, api.metrics);
    const endpoint = { app, server };
    this.#endpoints.push(endpoint);
    return endpoint;
  }
}

/** A console is a request that lasts; who may use the socket is trusted not to send a body for ever. */
function openToGroup(app: ControlServer): Server {
  return createServer({ requestTimeout: 0 }, (request, response) => {
    app.routing(request, response);
  });
}

/** For whoever reaches the address, which may be many, slow, or malicious. */
function openToAdmins(app: ControlServer, limits: ConnectionLimits, metrics: Metrics): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADER_OCTETS_MAX,
      headersTimeout: limits.headerMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(limits.headerMs, 5000),
    },
    (request, response) => {
      if (guard.isCongested) refuse(response);
      else app.routing(request, response);
    },
  );
  const guard = new ConnectionGuard(server, limits, metrics);
  return server;
}

function refuse(response: ServerResponse): void {
  const problem = problemDocument(
    new ProblemError('too-much-waiting', 'Answers wait for clients that do not read them; try again soon'),
  );
  response.writeHead(problem.status, { 'content-type': 'application/problem+json', connection: 'close' });
  response.end(JSON.stringify(problem));
}

/** Resolves when the server listens; rejects with IoError when it cannot. */
function listen(server: Server, what: string, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(ioErrorFromOsCode(what, error.code ?? 'EIO', error));
    };
    server.once('error', fail);
    server.once('listening', () => {
      server.off('error', fail);
      resolve();
    });
    start();
  });
}

/** Lets requests that are under way finish, for a while. */
async function closeEndpoint({ app, server }: Endpoint): Promise<void> {
  if (server.listening) {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
    }, CLOSING_MS);
    await closed;
    clearTimeout(cutOff);
  }
  await app.close();
}

/**
 * A socket that a killed process left behind is in the way of the next one, and is removed. One that somebody listens
 * on, and what is no socket at all, is not.
 */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new IoError('address-in-use', `cannot listen on ${path}: it is there and is not a socket`);
  }
  if (await isAnswered(path)) {
    throw new IoError('address-in-use', `cannot listen on ${path}: another process listens there`);
  }
  await unlink(path);
}

/** Whether somebody listens on a Unix socket. Only a refused connection says that nobody does. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      answer(true);
    });
    socket.once('connect', () => {
      answer(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      answer(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

/** Without the group the socket is its owner's alone, which is safe and inconvenient: a warning, not an error. */
async function giveToGroup(path: string, group: string, logger: Logger): Promise<void> {
  const warn = (reason: string): void => {
    logger.warn({ event: EVENTS.configWarned, socket: path, group }, `control socket: ${reason}`);
  };
  const groupId = await groupIdOf(group);
  if (groupId === undefined) {
    warn(`there is no group ${group}; only the owner may use the socket`);
    return;
  }
  try {
    // The shipped unit forbids chown(2); and there the socket has its group from the process that made it.
    if ((await stat(path)).gid === groupId) return;
    // -1 leaves the owner as it is.
    await chown(path, -1, groupId);
  } catch (error) {
    warn(`cannot be given to group ${group}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The bearer token: the file's content without white space around it. Throws IoError when there is none. */
async function readToken(file: string, logger: Logger): Promise<string> {
  let token: string;
  try {
    token = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw ioErrorFromOsCode(`cannot read http.token-file ${file}`, code ?? 'EIO', error);
  }
  if (token === '' || /\s/.test(token)) {
    throw new IoError('failed', `http.token-file ${file} must hold one token without spaces`);
  }
  if (((await stat(file)).mode & READABLE_BY_OTHERS) !== 0) {
    logger.warn(
      { event: EVENTS.configWarned, file },
      'http.token-file can be read by every user of this host',
    );
  }
  return token;
}

function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
