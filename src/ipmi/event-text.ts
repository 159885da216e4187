/** Sensor types (IPMI 2.0 table 42-3). */
const SENSOR_TYPES: readonly string[] = [
  'reserved',
  'temperature',
  'voltage',
  'current',
  'fan',
  'physical security',
  'platform security violation',
  'processor',
  'power supply',
  'power unit',
  'cooling device',
  'other unit',
  'memory',
  'drive slot',
  'POST memory resize',
  'firmware progress',
  'event logging',
  'watchdog 1',
  'system event',
  'critical interrupt',
  'button or switch',
  'module or board',
  'microcontroller',
  'add-in card',
  'chassis',
  'chip set',
  'other FRU',
  'cable or interconnect',
  'terminator',
  'system boot',
  'boot error',
  'OS boot',
  'OS stop',
  'slot or connector',
  'ACPI power state',
  'watchdog 2',
  'platform alert',
  'entity presence',
  'monitor',
  'LAN',
  'management subsystem',
  'battery',
  'session audit',
  'version change',
  'FRU state',
];

/** Events of sensors with thresholds (IPMI 2.0 table 42-2, type 1). */
const THRESHOLD_EVENTS = [
  'lower non-critical going low',
  'lower non-critical going high',
  'lower critical going low',
  'lower critical going high',
  'lower non-recoverable going low',
  'lower non-recoverable going high',
  'upper non-critical going low',
  'upper non-critical going high',
  'upper critical going low',
  'upper critical going high',
  'upper non-recoverable going low',
  'upper non-recoverable going high',
];

/** Generic events by reading type (IPMI 2.0 table 42-2). */
const GENERIC_EVENTS: Readonly<Record<number, readonly string[]>> = {
  0x01: THRESHOLD_EVENTS,
  0x02: ['idle', 'active', 'busy'],
  0x03: ['state off', 'state on'],
  0x04: ['predictive failure off', 'predictive failure'],
  0x05: ['limit not exceeded', 'limit exceeded'],
  0x06: ['performance met', 'performance lags'],
  0x07: [
    'to OK',
    'to non-critical from OK',
    'to critical from less severe',
    'to non-recoverable from less severe',
    'to non-critical from more severe',
    'to critical from non-recoverable',
    'to non-recoverable',
    'monitor',
    'informational',
  ],
  0x08: ['absent', 'present'],
  0x09: ['disabled', 'enabled'],
  0x0a: [
    'running',
    'in test',
    'power off',
    'on line',
    'off line',
    'off duty',
    'degraded',
    'power save',
    'install error',
  ],
  0x0b: ['fully redundant', 'redundancy lost', 'redundancy degraded', 'non-redundant'],
  0x0c: ['D0', 'D1', 'D2', 'D3'],
};

/** Events that belong to one sensor type (reading type 0x6f; IPMI 2.0 table 42-3): those that a boot may meet. */
const SPECIFIC_EVENTS: Readonly<Record<number, readonly string[]>> = {
  0x05: ['chassis intrusion', 'drive bay intrusion', 'I/O card area intrusion', 'processor area intrusion'],
  0x07: [
    'internal error',
    'thermal trip',
    'BIST failure',
    'hang in POST',
    'startup or initialization failure',
    'configuration error',
    'SM BIOS error',
    'present',
    'disabled',
    'terminator present',
    'throttled',
    'machine check exception',
    'correctable machine check error',
  ],
  0x08: [
    'present',
    'failure',
    'predictive failure',
    'input lost',
    'input lost or out of range',
    'input out of range',
    'configuration error',
  ],
  0x09: [
    'power off',
    'power cycle',
    '240 VA power down',
    'interlock power down',
    'mains power lost',
    'soft power control failure',
    'power unit failure',
    'predictive failure',
  ],
  0x0c: [
    'correctable ECC error',
    'uncorrectable ECC error',
    'parity error',
    'memory scrub failed',
    'memory device disabled',
    'limit of correctable errors reached',
    'present',
    'configuration error',
    'spare',
    'throttled',
    'critical overtemperature',
  ],
  0x0d: [
    'drive present',
    'drive fault',
    'predictive failure',
    'hot spare',
    'consistency check',
    'in critical array',
    'in failed array',
    'rebuild',
    'rebuild aborted',
  ],
  0x0f: ['system firmware error', 'system firmware hang', 'system firmware progress'],
  0x10: [
    'correctable memory error logging off',
    'event type logging off',
    'log cleared',
    'all logging off',
    'log full',
    'log almost full',
  ],
  0x12: [
    'system reconfigured',
    'OEM system boot',
    'undetermined hardware failure',
    'auxiliary log changed',
    'PEF action',
    'time changed',
  ],
  0x13: [
    'NMI',
    'bus timeout',
    'I/O check NMI',
    'software NMI',
    'PCI PERR',
    'PCI SERR',
    'EISA fail-safe timeout',
    'bus correctable error',
    'bus uncorrectable error',
    'fatal NMI',
    'bus fatal error',
    'bus degraded',
  ],
  0x14: [
    'power button pressed',
    'sleep button pressed',
    'reset button pressed',
    'FRU latch open',
    'FRU service request',
  ],
  0x1d: [
    'started by power up',
    'started by hard reset',
    'started by warm reset',
    'PXE boot requested by the user',
    'automatic boot to diagnostics',
    'restarted by software: hard reset',
    'restarted by software: warm reset',
    'system restart',
  ],
  0x1e: [
    'no bootable media',
    'removable media is not bootable',
    'PXE server not found',
    'invalid boot sector',
    'no choice was made in time',
  ],
  0x1f: [
    'A: booted',
    'C: booted',
    'PXE booted',
    'diagnostics booted',
    'CD-ROM booted',
    'ROM booted',
    'booted',
    'installation started',
    'installation done',
    'installation aborted',
    'installation failed',
  ],
  0x20: [
    'critical stop while the OS loaded',
    'critical stop at run time',
    'graceful stop',
    'graceful shutdown',
    'soft shutdown by PEF',
    'agent does not answer',
  ],
  0x22: [
    'S0: working',
    'S1',
    'S2',
    'S3: suspended',
    'S4: suspended to disk',
    'S5: soft off',
    'S4 or S5',
    'mechanically off',
  ],
  0x23: ['timer expired', 'hard reset', 'power down', 'power cycle', '', '', '', '', 'timer interrupt'],
  0x29: ['battery low', 'battery failed', 'battery present'],
};

const SENSOR_SPECIFIC = 0x6f;

/** What an event record, or a discrete sensor, says. */
export interface RawEvent {
  readonly sensorType: number;
  /** Event/reading type code. */
  readonly readingType: number;
  /** Event data 1 to 3. */
  readonly data: Uint8Array;
}

/** The name of a sensor type. */
export function formatSensorType(sensorType: number): string {
  return SENSOR_TYPES[sensorType] ?? `type 0x${hex(sensorType)}`;
}

/** One state of a sensor in words; hexadecimal where there are none. */
export function formatState(sensorType: number, readingType: number, offset: number): string {
  const words = readingType === SENSOR_SPECIFIC ? SPECIFIC_EVENTS[sensorType] : GENERIC_EVENTS[readingType];
  const text = words?.[offset];
  return text === undefined || text === '' ? `state ${offset} of type 0x${hex(readingType)}` : text;
}

/** An event in words. Octets that the tables have no words for are shown. */
export function describeEvent({ sensorType, readingType, data }: RawEvent): {
  readonly sensorType: string;
  readonly event: string;
} {
  const [first = 0, second = 0xff, third = 0xff] = data;
  const state = formatState(sensorType, readingType, first & 0x0f);
  // The top bits say whether the other two octets mean anything.
  const details = [
    ...((first & 0xc0) !== 0 ? [`0x${hex(second)}`] : []),
    ...((first & 0x30) !== 0 ? [`0x${hex(third)}`] : []),
  ];
  const event = details.length === 0 ? state : `${state} (${details.join(' ')})`;
  return { sensorType: formatSensorType(sensorType), event };
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
