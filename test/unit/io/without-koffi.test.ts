import Module from 'node:module';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readNetworkInterface } from '../../../src/io/network-interfaces.ts';

/** Node's own loader of packages, as far as this test replaces it. */
const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;

// koffi has prebuilt binaries for the usual platforms only; elsewhere npm leaves it out and bootd must still run.
beforeAll(() => {
  vi.resetModules();
  loader._load = (request, ...rest) => {
    if (request === 'koffi') throw new Error("Cannot find module 'koffi'\nRequire stack:\n- libc.ts");
    return load.call(Module, request, ...rest);
  };
});

afterAll(() => {
  loader._load = load;
  vi.resetModules();
});

const REASON = "the optional package koffi cannot be loaded: Cannot find module 'koffi'";

describe('without koffi', () => {
  it('a device socket is refused with the reason', async () => {
    const { openDeviceSocket } = await import('../../../src/io/device-socket.ts');
    expect(() => openDeviceSocket({ device: 'lo', port: 0, broadcast: false })).toThrow(
      `cannot open a socket on interface lo: ${REASON}`,
    );
  });

  it('link frames and conflict checks are unavailable, with the reason', async () => {
    const { openLinkFrameSender } = await import('../../../src/io/link-frame.ts');
    const { openConflictProbe } = await import('../../../src/io/conflict-probe.ts');
    const loopback = readNetworkInterface('lo')!;
    const ethernet = { ...loopback, ethernet: true, mac: '52:54:00:00:00:01' as never };
    expect(openLinkFrameSender(ethernet)).toEqual({ kind: 'unavailable', reason: REASON });
    expect(openConflictProbe(ethernet)).toEqual({ kind: 'unavailable', reason: REASON });
  });

  it('the service manager hears nothing, and the reason is there for the log', async () => {
    const { openServiceNotifier } = await import('../../../src/io/sd-notify.ts');
    const notifier = openServiceNotifier({ NOTIFY_SOCKET: '/run/systemd/notify' }, 1);
    notifier.ready('serving');
    expect(notifier.problem()).toBe(`cannot talk to the service manager: ${REASON}`);
  });

  it('sockets that systemd hands over are still found by name', async () => {
    const { findInheritedSocket, readInheritedSockets } =
      await import('../../../src/io/inherited-sockets.ts');
    const environment = { LISTEN_FDS: '2', LISTEN_PID: '7', LISTEN_FDNAMES: 'tftp-eth0:dhcp-eth0' };
    const sockets = readInheritedSockets(environment, 7);
    expect(findInheritedSocket(sockets, { purpose: 'dhcp', device: 'eth0', port: 67 })).toEqual({
      name: 'dhcp-eth0',
      fd: 4,
    });
  });

  it('ordinary UDP ports work', async () => {
    const { openUdpPort } = await import('../../../src/io/node-udp-port.ts');
    const port = await openUdpPort({ address: 0x7f000001 as never, port: 0 });
    expect(port.localPort).toBeGreaterThan(0);
    await port.close();
  });
});
