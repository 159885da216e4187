/** How a full sensor record turns a raw octet into a value (IPMI 2.0 sections 36.3 and 43.1). */
export interface Conversion {
  /** 10-bit two's complement. */
  readonly multiplier: number;
  readonly offset: number;
  readonly offsetExponent: number;
  readonly resultExponent: number;
  readonly linearization: number;
  readonly format: 'unsigned' | 'ones-complement' | 'twos-complement';
}

/** A sensor as the repository describes it. */
export interface SensorRecord {
  readonly number: number;
  readonly ownerId: number;
  readonly lun: number;
  readonly name: string;
  readonly sensorType: number;
  readonly readingType: number;
  /** Empty where there is none. */
  readonly unit: string;
  /** Undefined for sensors with states instead of a value. */
  readonly conversion: Conversion | undefined;
}

const FULL = 0x01;
const COMPACT = 0x02;
const THRESHOLD = 0x01;

/** Unit type codes (IPMI 2.0 section 43.17); those that servers have. */
const UNITS: Readonly<Record<number, string>> = {
  1: '°C',
  2: '°F',
  3: 'K',
  4: 'V',
  5: 'A',
  6: 'W',
  7: 'J',
  9: 'VA',
  18: 'rpm',
  19: 'Hz',
  20: 'µs',
  21: 'ms',
  22: 's',
  23: 'min',
  24: 'h',
  25: 'days',
};

/** Reads a record of the repository; undefined for what is no sensor, or one that stops short. */
export function parseSensorRecord(record: Uint8Array): SensorRecord | undefined {
  const type = record[3];
  const isFull = type === FULL;
  const nameAt = isFull ? 47 : 31;
  if ((!isFull && type !== COMPACT) || record.length <= nameAt) return undefined;
  const octet = (at: number): number => record[at] ?? 0;
  const readingType = octet(13);
  const hasValue = isFull && readingType === THRESHOLD && formatOf(octet(20)) !== undefined;
  const percent = (octet(20) & 0x01) !== 0;
  return {
    ownerId: octet(5),
    lun: octet(6) & 0x03,
    number: octet(7),
    sensorType: octet(12),
    readingType,
    unit: hasValue ? (percent ? '%' : (UNITS[octet(21)] ?? `unit ${octet(21)}`)) : '',
    conversion: hasValue ? parseConversion(record) : undefined,
    name: parseName(record.subarray(nameAt)),
  };
}

const FORMATS: readonly Conversion['format'][] = ['unsigned', 'ones-complement', 'twos-complement'];

/** Undefined: the sensor has no analogue reading. */
function formatOf(units: number): Conversion['format'] | undefined {
  return FORMATS[units >> 6];
}

function parseConversion(record: Uint8Array): Conversion {
  const octet = (at: number): number => record[at] ?? 0;
  return {
    format: formatOf(octet(20)) ?? 'unsigned',
    linearization: octet(23) & 0x7f,
    multiplier: signed(octet(24) | ((octet(25) & 0xc0) << 2), 10),
    offset: signed(octet(26) | ((octet(27) & 0xc0) << 2), 10),
    resultExponent: signed(octet(29) >> 4, 4),
    offsetExponent: signed(octet(29) & 0x0f, 4),
  };
}

/** Functions of IPMI 2.0 table 43-1, by linearization code. */
const LINEARIZATIONS: readonly ((value: number) => number)[] = [
  (value) => value,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (value) => 10 ** value,
  (value) => 2 ** value,
  (value) => 1 / value,
  (value) => value ** 2,
  (value) => value ** 3,
  Math.sqrt,
  Math.cbrt,
];

/** The value of a raw reading; undefined where the maker alone knows the function, or there is no number. */
export function convertReading(raw: number, conversion: Conversion): number | undefined {
  const linearize = LINEARIZATIONS[conversion.linearization];
  const { multiplier, offset, offsetExponent, resultExponent } = conversion;
  const value = linearize?.(
    (multiplier * rawNumber(raw, conversion.format) + offset * 10 ** offsetExponent) * 10 ** resultExponent,
  );
  if (value === undefined || !Number.isFinite(value)) return undefined;
  // What the arithmetic of binary fractions added is taken away again.
  return Number(value.toPrecision(10));
}

function rawNumber(raw: number, format: Conversion['format']): number {
  switch (format) {
    case 'unsigned':
      return raw;
    case 'twos-complement':
      return signed(raw, 8);
    case 'ones-complement':
      return raw < 0x80 ? raw : raw - 0xff;
  }
}

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** An ID string with its type and length octet (IPMI 2.0 section 43.15). Control characters become dots. */
function parseName(field: Uint8Array): string {
  const [head = 0] = field;
  const octets = field.subarray(1, 1 + (head & 0x1f));
  const text = head >> 6 === 2 ? sixBitText(octets) : String.fromCharCode(...octets);
  return text
    .replace(/\0+$/, '')
    .replace(/[^\x20-\x7e\xa0-\xff]/g, '.')
    .trim();
}

/** Packed 6-bit ASCII: four characters in three octets, lowest bits first. */
function sixBitText(octets: Uint8Array): string {
  let text = '';
  for (let bit = 0; bit + 6 <= octets.length * 8; bit += 6) {
    const at = bit >> 3;
    const pair = (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8);
    text += String.fromCharCode(0x20 + ((pair >> (bit & 7)) & 0x3f));
  }
  return text;
}
