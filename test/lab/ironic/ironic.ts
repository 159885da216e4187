import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LabNetwork } from '../namespaces.ts';
import type { BackgroundProcess } from '../processes.ts';
import type { Chassis } from './chassis.ts';

const PACKAGE = fileURLToPath(new URL('../../../integrations/ironic', import.meta.url));
const LAUNCH = fileURLToPath(new URL('./launch.py', import.meta.url));
const AGENT = fileURLToPath(new URL('./agent-process.ts', import.meta.url));
/** The distribution's: Ironic is visible to no other. */
const PYTHON = '/usr/bin/python3';
const API_VERSION = '1.82';
const UP_TIMEOUT_MS = 120_000;
const STATE_TIMEOUT_MS = 180_000;
/** The image of a `direct` deploy. Ironic only looks whether it is there; the agent would write it. */
const DISK = Buffer.alloc(65_536);
/** The instance's own argument, to tell its kernel from the deploy ramdisk's. */
export const INSTANCE_ARGUMENT = 'lab.instance=1';

/** What a test wants of a node. */
export interface NodePlan {
  readonly name: string;
  readonly chassis: Chassis;
  readonly driver: 'ipmi' | 'bootd-ipmi';
  readonly bootInterface: 'pxe' | 'bootd';
  readonly deployInterface: 'ramdisk' | 'direct';
  /** How it is declared; its firmware's own, unless told otherwise. */
  readonly bootMode?: 'bios' | 'uefi';
}

/** A call of Ironic's DHCP provider. */
export interface ProviderCall {
  readonly method: string;
  readonly node?: string;
  readonly options?: readonly unknown[];
}

/** A node as Ironic's API shows it, what of it is looked at. */
export interface IronicNode {
  readonly uuid: string;
  readonly provision_state: string;
  /** Null once nothing is on its way. */
  readonly target_provision_state: string | null;
  readonly last_error: string | null;
}

/**
 * A real Ironic, API and conductor in one process, in the server's namespace, with the fragments of docs/ironic.md for
 * its configuration and what a lab needs in a second file. It sees the lab's folders as /tftpboot, /run and /var.
 */
export class Ironic {
  readonly #network: LabNetwork;
  readonly #view: Readonly<Record<string, string>>;
  readonly #fragments: readonly string[];
  #process: BackgroundProcess | undefined;

  private constructor(
    network: LabNetwork,
    view: Readonly<Record<string, string>>,
    fragments: readonly string[],
  ) {
    this.#network = network;
    this.#view = view;
    this.#fragments = fragments;
  }

  /** Starts it with a new database; resolves when its API answers and its drivers are loaded. */
  static async start(
    network: LabNetwork,
    view: Readonly<Record<'/tftpboot' | '/run' | '/var', string>>,
    fragments: readonly string[],
  ): Promise<Ironic> {
    const ironic = new Ironic(network, view, fragments);
    await ironic.#prepare();
    await ironic.resume();
    return ironic;
  }

  /** Starts it again on the same database. */
  async resume(): Promise<void> {
    this.#process = this.#launch('serve');
    const until = Date.now() + UP_TIMEOUT_MS;
    for (;;) {
      const drivers = await this.ask('GET', '/v1/drivers').catch(() => undefined);
      if (JSON.stringify(drivers?.body ?? null).includes('"ipmi"')) return;
      if (this.#process.exit !== undefined || Date.now() > until) {
        throw new Error(`Ironic did not come up\n${this.#process.tail(15)}\n${await this.logTail()}`);
      }
      await sleep(300);
    }
  }

  /** Ends it. Its own way of ending takes its time over connections, and the lab has none to spare. */
  async stop(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  /** One call of its API. */
  ask(method: string, path: string, document?: unknown): Promise<{ status: number; body: unknown }> {
    return new Promise((resolve, reject) => {
      const headers = {
        'x-openstack-ironic-api-version': API_VERSION,
        'content-type': 'application/json',
      };
      const socketPath = this.#apiSocket();
      const call = request({ socketPath, method, path, headers, timeout: 60_000 }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('end', () => {
          resolve({
            status: answer.statusCode ?? 0,
            body: text === '' ? undefined : (JSON.parse(text) as unknown),
          });
        });
      });
      call.on('timeout', () => call.destroy(new Error(`${method} ${path}: Ironic does not answer`)));
      call.on('error', reject);
      call.end(document === undefined ? undefined : JSON.stringify(document));
    });
  }

  /** Creates a node and its two ports, the second one not for network boots; returns its UUID. */
  async enroll(plan: NodePlan): Promise<string> {
    const { bmc, machine } = plan.chassis;
    const { uuid } = (await this.#must('POST', '/v1/nodes', {
      name: plan.name,
      driver: plan.driver,
      boot_interface: plan.bootInterface,
      deploy_interface: plan.deployInterface,
      driver_info: {
        ipmi_address: bmc.address,
        ipmi_port: String(bmc.port),
        ipmi_username: bmc.username,
        ipmi_password: bmc.password,
        // ipmi_sim does not answer which it knows, and ipmitool would wait 10 s for that.
        ipmi_cipher_suite: '3',
        deploy_kernel: 'file:///var/lib/images/kernel',
        deploy_ramdisk: 'file:///var/lib/images/ramdisk',
      },
      properties: {
        cpus: 2,
        memory_mb: 1024,
        local_gb: 100,
        cpu_arch: 'x86_64',
        capabilities: `boot_mode:${plan.bootMode ?? machine.firmware}`,
      },
    })) as IronicNode;
    const extra = { gateway_name: '17.100.36.110', gateway_port: '1/1/5', gateway_vlan: 0 };
    await this.#must('POST', '/v1/ports', { node_uuid: uuid, address: machine.mac, extra });
    const second = machine.mac.replace(/^52:/, '56:');
    await this.#must('POST', '/v1/ports', { node_uuid: uuid, address: second, pxe_enabled: false });
    return uuid;
  }

  /** From `enroll` to `available`. */
  async makeAvailable(uuid: string): Promise<void> {
    await this.target(uuid, 'manage', 'manageable');
    await this.target(uuid, 'provide', 'available');
  }

  /** Says what the instance is, and deploys it until the node is in the state given. */
  async deploy(uuid: string, plan: NodePlan, wanted?: string): Promise<void> {
    const isRamdisk = plan.deployInterface === 'ramdisk';
    const value = isRamdisk
      ? {
          kernel: 'file:///var/lib/images/kernel',
          ramdisk: 'file:///var/lib/images/ramdisk',
          ramdisk_kernel_arguments: INSTANCE_ARGUMENT,
        }
      : {
          image_source: 'http://192.168.0.1:8081/disk',
          image_checksum: createHash('md5').update(DISK).digest('hex'),
          image_type: 'whole-disk',
        };
    await this.#must('PATCH', `/v1/nodes/${uuid}`, [{ op: 'add', path: '/instance_info', value }]);
    await this.target(uuid, 'active', wanted ?? (isRamdisk ? 'active' : 'wait call-back'));
  }

  /** Asks for a provision state and waits for what becomes of it; rejects with `last_error` when it becomes another. */
  async target(uuid: string, target: string, wanted: string): Promise<IronicNode> {
    await this.#must('PUT', `/v1/nodes/${uuid}/states/provision`, { target });
    return this.waitForState(uuid, wanted);
  }

  async waitForState(uuid: string, wanted: string): Promise<IronicNode> {
    const until = Date.now() + STATE_TIMEOUT_MS;
    for (;;) {
      const node = await this.node(uuid);
      if (node.provision_state === wanted) return node;
      // A step that fails leaves the node in a state of failure, or where it came from with the reason.
      const isBack = node.last_error !== null && node.target_provision_state === null;
      const isOver = isBack || /failed|^error$/.test(node.provision_state);
      if (isOver || Date.now() > until) {
        throw new Error(
          `the node is '${node.provision_state}' instead of '${wanted}': ${node.last_error ?? 'no error'}\n` +
            (await this.logTail()),
        );
      }
      await sleep(200);
    }
  }

  async node(uuid: string): Promise<IronicNode> {
    return (await this.#must('GET', `/v1/nodes/${uuid}`)) as IronicNode;
  }

  async delete(uuid: string): Promise<void> {
    await this.#must('DELETE', `/v1/nodes/${uuid}`);
  }

  /** Plays the agent of a deploy ramdisk that has booted, until the node is active. */
  async finishByAgent(uuid: string, chassis: Chassis): Promise<void> {
    const agent = this.#network.server.start('agent', process.execPath, [
      ...['--import', 'tsx', AGENT, this.#apiSocket(), chassis.machine.mac, chassis.powerFile],
    ]);
    try {
      await this.waitForState(uuid, 'active');
    } catch (error) {
      throw new Error(`the agent saw\n${agent.tail()}`, { cause: error });
    } finally {
      await agent.stop();
    }
  }

  /** What Ironic has called of its DHCP provider for a node, in order. */
  async providerCalls(uuid: string): Promise<readonly ProviderCall[]> {
    const text = await readFile(this.#callsFile(), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ProviderCall)
      .filter(({ node }) => node === uuid);
  }

  /** The end of its log, for error messages. */
  async logTail(): Promise<string> {
    const log = await readFile(join(this.#view['/var'] ?? '', 'log/ironic/ironic.log'), 'utf8').catch(
      () => '',
    );
    return log
      .split('\n')
      .filter((line) => / (WARNING|ERROR|CRITICAL) /.test(line))
      .slice(-25)
      .join('\n');
  }

  async #must(method: string, path: string, document?: unknown): Promise<unknown> {
    const { status, body } = await this.ask(method, path, document);
    if (status >= 400)
      throw new Error(`${method} ${path} was answered with ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  #apiSocket(): string {
    return join(this.#view['/run'] ?? '', 'ironic-api.sock');
  }

  #callsFile(): string {
    return join(this.#view['/var'] ?? '', 'provider-calls');
  }

  async #prepare(): Promise<void> {
    const folder = this.#network.folder;
    const variable = this.#view['/var'] ?? '';
    for (const name of ['lib/ironic/tmp', 'lib/ironic/httpboot', 'log/ironic', 'cache', 'site']) {
      await mkdir(join(variable, name), { recursive: true });
    }
    await rm(join(variable, 'lib/ironic/ironic.sqlite'), { force: true });
    await rm(this.#callsFile(), { force: true });
    await writeFile(join(variable, 'lib/ironic/httpboot/disk'), DISK);
    this.#network.server.startInView('images', this.#view, PYTHON, [
      ...['-m', 'http.server', '--bind', '192.168.0.1', '--directory', '/var/lib/ironic/httpboot', '8081'],
    ]);
    await writeFile(join(folder, 'ironic.conf'), this.#fragments.join('\n'));
    await writeFile(join(folder, 'lab.conf'), LAB_CONFIGURATION);
    const schema = this.#launch('create-schema');
    const { code } = await schema.ended;
    if (code !== 0) throw new Error(`Ironic's database was not made\n${schema.tail()}`);
  }

  #launch(command: 'serve' | 'create-schema'): BackgroundProcess {
    const files = ['ironic.conf', 'lab.conf'].flatMap((name) => [
      '--config-file',
      join(this.#network.folder, name),
    ]);
    return this.#network.server.startInView(
      'Ironic',
      this.#view,
      PYTHON,
      ['-B', LAUNCH, PACKAGE, '/var/site', '/var/provider-calls', command, ...files],
      { XDG_CACHE_HOME: '/var/cache' },
    );
  }
}

/**
 * What the fragments of the document leave to the installation of Ironic itself, in the smallest form: no message queue,
 * no Keystone, no cleaning, and short waits.
 */
const LAB_CONFIGURATION = `
[DEFAULT]
auth_strategy = noauth
rpc_transport = none
host = lab
my_ip = 192.168.0.1
log_file = /var/log/ironic/ironic.log
use_stderr = false
state_path = /var/lib/ironic
tempdir = /var/lib/ironic/tmp
enabled_deploy_interfaces = ramdisk,direct
enabled_power_interfaces = ipmitool
enabled_management_interfaces = ipmitool
enabled_network_interfaces = noop
default_network_interface = noop
enabled_console_interfaces = no-console
enabled_inspect_interfaces = no-inspect
enabled_raid_interfaces = no-raid
enabled_rescue_interfaces = no-rescue
enabled_storage_interfaces = noop
enabled_vendor_interfaces = ipmitool
enabled_bios_interfaces = no-bios
force_raw_images = false
[api]
unix_socket = /run/ironic-api.sock
api_workers = 1
public_endpoint = http://192.168.0.1:6385
[database]
connection = sqlite:////var/lib/ironic/ironic.sqlite
[oslo_concurrency]
lock_path = /var/lib/ironic/lock
[conductor]
automated_clean = false
sync_power_state_interval = 600
check_provision_state_interval = 600
file_url_allowed_paths = /var/lib/images
bootloader =
[service_catalog]
auth_type = none
endpoint_override = http://192.168.0.1:6385
[agent]
require_tls = false
post_deploy_get_power_state_retry_interval = 1
[deploy]
http_root = /var/lib/ironic/httpboot
http_url = http://192.168.0.1:8081
erase_devices_priority = 0
[ipmi]
command_retry_timeout = 20
min_command_interval = 1
use_ipmitool_retries = false
[sensor_data]
send_sensor_data = false
`;
