import { ask, numberAt, octetAt, type Conversation } from './conversation.ts';

/** What a management controller says about itself. */
export interface DeviceId {
  readonly deviceId: number;
  readonly deviceRevision: number;
  /** Major and minor, as `2.83`. */
  readonly firmware: string;
  /** `2.0` or `1.5`. */
  readonly ipmiVersion: string;
  /** IANA enterprise number. */
  readonly manufacturer: number;
  /** Undefined: none that is known here. */
  readonly manufacturerName: string | undefined;
  readonly product: number;
  readonly isUpdating: boolean;
}

const WHAT = 'device ID';

/** Makers of servers and of their management controllers, by IANA enterprise number. */
const MANUFACTURERS: Readonly<Record<number, string>> = {
  2: 'IBM',
  11: 'Hewlett-Packard',
  42: 'Sun Microsystems',
  343: 'Intel',
  674: 'Dell',
  2011: 'Huawei',
  2623: 'ASUSTek',
  5771: 'Cisco',
  7244: 'Quanta',
  10368: 'Fujitsu',
  10876: 'Supermicro',
  15370: 'Giga-Byte',
  19046: 'Lenovo',
  20301: 'IBM eServer X',
  47196: 'Hewlett Packard Enterprise',
  47488: 'Supermicro',
};

/** Get Device ID (IPMI 2.0 section 20.1). */
export function* getDeviceId(): Conversation<DeviceId> {
  const data = yield* ask({ netFn: 6, command: 0x01, data: new Uint8Array() }, WHAT);
  const major = octetAt(data, 2, WHAT);
  const minor = octetAt(data, 3, WHAT);
  const version = octetAt(data, 4, WHAT);
  // 20 bits; the rest is reserved.
  const manufacturer = numberAt(data, 6, 3, WHAT) & 0xfffff;
  return {
    deviceId: octetAt(data, 0, WHAT),
    deviceRevision: octetAt(data, 1, WHAT) & 0x0f,
    // The minor number is binary coded decimal.
    firmware: `${major & 0x7f}.${minor.toString(16).padStart(2, '0')}`,
    ipmiVersion: `${version & 0x0f}.${version >> 4}`,
    manufacturer,
    manufacturerName: MANUFACTURERS[manufacturer],
    product: numberAt(data, 9, 2, WHAT),
    isUpdating: (major & 0x80) !== 0,
  };
}
