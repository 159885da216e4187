import type { Bmc } from '../boot/node.ts';
import type { BmcTarget } from './bmc-connection.ts';

/** Where a BMC is and who asks it, as a session wants it: text as UTF-8, the key as octets. */
export function targetOf({ address, port, username, password, privilege, cipherSuite, kg }: Bmc): BmcTarget {
  const encoder = new TextEncoder();
  return {
    host: address,
    port,
    identity: {
      username: encoder.encode(username),
      password: encoder.encode(password),
      kg: kg === undefined ? undefined : new Uint8Array(Buffer.from(kg, 'hex')),
      privilege,
      cipherSuite,
    },
  };
}
