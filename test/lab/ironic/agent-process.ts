/**
 * A stand-in for the agent in Ironic's deploy ramdisk, as much of it as the `direct` deploy interface needs:
 * `agent-process.ts API-SOCKET MAC POWER-FILE`. It looks its node up by the MAC, sends heartbeats, says to each command
 * that it went well, and switches the machine off when it is told to. Ends when Ironic has no more use for it.
 */
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [apiSocket = '', mac = '', powerFile = ''] = process.argv.slice(2);
const ADDRESS = '192.168.0.1';
const PORT = 9999;
const HEARTBEAT_EVERY_MS = 1_000;
const PATIENCE_MS = 120_000;

/** What `get_deploy_steps` offers: the two steps that write an image. */
const STEPS = {
  deploy_steps: {
    GenericHardwareManager: ['write_image', 'inject_files'].map((step) => ({
      step,
      interface: 'deploy',
      priority: 0,
    })),
  },
  hardware_manager_version: { generic_hardware_manager: '1.2' },
};

interface Command {
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const done: unknown[] = [];

function obey({ name, params }: Command): unknown {
  console.log(`command ${name}`);
  if (name.endsWith('power_off')) writeFileSync(powerFile, '0\n');
  if (name.endsWith('get_deploy_steps')) return STEPS;
  if (name.endsWith('execute_deploy_step')) return { deploy_step: params['step'], deploy_result: null };
  return { result: 'ok' };
}

createServer((call, answer) => {
  let text = '';
  call.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  call.on('end', () => {
    answer.setHeader('content-type', 'application/json');
    if (call.method === 'GET') {
      answer.end(JSON.stringify({ commands: done }));
      return;
    }
    const command = JSON.parse(text) as Command;
    const result = {
      id: String(done.length),
      command_name: command.name.split('.').at(-1),
      command_params: {},
      command_status: 'SUCCEEDED',
      command_error: null,
      command_result: obey(command),
    };
    done.push(result);
    answer.end(JSON.stringify(result));
  });
}).listen(PORT, ADDRESS);

function ask(method: string, path: string, document?: unknown): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-openstack-ironic-api-version': '1.68', 'content-type': 'application/json' };
    const call = request({ socketPath: apiSocket, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 0,
          body: text === '' ? {} : (JSON.parse(text) as unknown),
        });
      });
    });
    call.on('error', reject);
    call.end(document === undefined ? undefined : JSON.stringify(document));
  });
}

interface Lookup {
  readonly node: { readonly uuid: string };
  readonly config: { readonly agent_token: string };
}

async function live(): Promise<void> {
  const { status, body } = await ask('GET', `/v1/lookup?addresses=${mac}`);
  if (status !== 200) throw new Error(`the lookup of ${mac} was answered with ${status}`);
  const { node, config } = body as Lookup;
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const heartbeat = await ask('POST', `/v1/heartbeat/${node.uuid}`, {
      callback_url: `http://${ADDRESS}:${PORT}`,
      agent_version: '9.4.0',
      agent_token: config.agent_token,
    });
    console.log(`heartbeat ${heartbeat.status}`);
    // 409: the conductor works on the node just now. Anything else: it is done with the agent.
    if (heartbeat.status >= 400 && heartbeat.status !== 409) return;
    await sleep(HEARTBEAT_EVERY_MS);
  }
}

await live();
process.exit(0);
