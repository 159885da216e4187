import type { ImageFailure } from '../../../src/services/image-service.ts';
import type { ImageView } from '../../../src/control/image-queries.ts';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { Ipv4 } from '../../../src/addr/ipv4.ts';
import { subnetContains } from '../../../src/addr/subnet.ts';
import { NodeRegistry } from '../../../src/boot/node-registry.ts';
import type { TemplateSet } from '../../../src/boot/template.ts';
import type { Access } from '../../../src/control/access.ts';
import type { HealthCheck } from '../../../src/control/health-routes.ts';
import type { ReloadCommands } from '../../../src/control/reload-commands.ts';
import type { WatchCommands } from '../../../src/control/watch-commands.ts';
import { createControlServer, type ControlServer } from '../../../src/control/http-server.ts';
import type { PowerCommands } from '../../../src/control/power-commands.ts';
import type { ExpectedFile } from '../../../src/control/probe-commands.ts';
import type { LeaseFilter, LeaseQueries, LeaseView } from '../../../src/control/lease-queries.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { createSettableClock } from '../../../src/io/clock.ts';
import { EventHub } from '../../../src/services/event-hub.ts';
import { ProbeDesk } from '../../../src/services/probe-desk.ts';
import { NodeService } from '../../../src/services/node-service.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { POWER_DEFAULTS, type PowerSettings } from '../../../src/ipmi/power-settings.ts';
import { PowerService } from '../../../src/services/power-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { ipv4 } from '../boot/samples.ts';
import { FakeNodeStore } from '../services/node-store-fake.ts';

/** A few leases in memory. */
export class FakeLeases implements LeaseQueries {
  readonly views = new Map<Ipv4, LeaseView>();
  failure: Error | undefined;

  add(view: LeaseView): void {
    this.views.set(view.lease.address, view);
  }

  list({ mac, state, subnet }: LeaseFilter): readonly LeaseView[] {
    return [...this.views.values()].filter(
      (view) =>
        (mac === undefined || view.lease.mac === mac) &&
        (state === undefined || view.state === state) &&
        (subnet === undefined || subnetContains(subnet, view.lease.address)),
    );
  }

  byAddress(address: Ipv4): LeaseView | undefined {
    return this.views.get(address);
  }

  release(address: Ipv4): Promise<boolean> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return Promise.resolve(this.views.delete(address));
  }
}

const emptyTemplates: TemplateSet = { has: (name) => !name.includes('-'), render: () => 'x\n' };

/** No machine is booted here. */
export const NO_WATCHES: WatchCommands = {
  begin: () => {
    throw new Error('nothing is booted here');
  },
  watch: () => undefined,
  cancel: () => undefined,
};

/** No file stands behind the configuration here. */
export const NO_RELOADS: ReloadCommands = {
  reload: () => Promise.resolve({ kind: 'applied', changes: [] }),
  plan: () => Promise.resolve({ kind: 'planned', changes: [] }),
};

/** The control API over a real NodeService, with everything below it in memory. */
export class TestApi {
  readonly store = new FakeNodeStore();
  readonly registry = new NodeRegistry();
  readonly leases = new FakeLeases();
  readonly events = new EventHub({ checks: () => this.health, runId: 'run' });
  readonly clock = createSettableClock(Date.UTC(2026, 0, 1));
  expectedFile: Promise<ExpectedFile> | undefined;
  readonly files = new Set<string>();
  readonly logged: Record<string, unknown>[] = [];
  health: readonly HealthCheck[] = [];
  images: readonly ImageView[] = [];
  watches: WatchCommands = NO_WATCHES;
  configuration = NO_RELOADS;
  /** What is wrong with every image by URL. */
  imageFailure: ImageFailure | undefined;
  dhcpIsOff = false;
  dhcp: DhcpSettings | undefined;
  powerSettings: PowerSettings = { ...POWER_DEFAULTS, retries: { attempts: 4, firstTimeoutMs: 50 } };
  power: PowerService | undefined;
  probes: ProbeDesk | undefined;
  /** In the place of the real service, for those who must not send to the BMCs that nodes name. */
  bmcs: PowerCommands | undefined;
  #server: ControlServer | undefined;

  async open(access: Access = { kind: 'full' }): Promise<void> {
    const logger = pino(
      {},
      { write: (line: string) => this.logged.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const metrics = createMetrics();
    const nodes = new NodeService({
      registry: this.registry,
      store: this.store,
      rendering: () => ({
        templates: emptyTemplates,
        tftpRoot: '/tftpboot',
        tftpServer: ipv4('192.168.0.1'),
      }),
      files: { isServed: (path) => Promise.resolve(this.files.has(path)) },
      dhcpSettings: () => this.dhcp,
      images: { holdFor: () => Promise.resolve(this.imageFailure ?? (() => undefined)) },
      logger,
      metrics,
    });
    const leases = this.dhcpIsOff ? undefined : this.leases;
    const health = { checks: () => this.health };
    this.#server = await createControlServer(
      {
        nodes,
        leases,
        images: { list: () => this.images },
        power:
          this.bmcs ??
          (this.power = new PowerService({
            settings: this.powerSettings,
            nodes,
            clock: systemClock,
            logger,
            metrics,
          })),
        watches: this.watches,
        configuration: this.configuration,
        probes: (this.probes = new ProbeDesk({
          clock: this.clock,
          logger,
          expectedFile: () => this.expectedFile,
        })),
        boots: { list: () => [], byId: () => undefined },
        events: this.events,
        health,
        metrics,
        logger,
        version: '1.2.3',
      },
      access,
    );
  }

  /** Listens on loopback, for what cannot be played. */
  async listen(): Promise<AddressInfo> {
    const server = this.#server?.server;
    if (server === undefined) throw new Error('the API is not open');
    if (!server.listening) await this.#server?.listen({ port: 0, host: '127.0.0.1' });
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    return address;
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.power?.stop();
  }

  /** Plays a request; the body of the answer is read by its media type. */
  async call(
    method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE' | 'POST',
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: unknown; text: string; headers: Record<string, unknown> }> {
    if (this.#server === undefined) throw new Error('the API is not open');
    const reply = await this.#server.inject({
      method,
      url,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isJson = /[/+]json/.test(String(reply.headers['content-type']));
    return {
      status: reply.statusCode,
      body: isJson && reply.payload !== '' ? (JSON.parse(reply.payload) as unknown) : reply.payload,
      text: reply.payload,
      headers: reply.headers,
    };
  }
}
