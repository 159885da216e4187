// @ts-check

// Values as the page writes them. Times are milliseconds; nothing here reads a clock.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * What is left of a time: `9:42`, `1:59:03`, `3 d 4 h`; `now` from its end on.
 *
 * @param {number} ms
 */
export function formatCountdown(ms) {
  if (ms <= 0) return 'now';
  // A lease of 600 s begins with 10:00 and not with 9:59.
  const seconds = Math.ceil(ms / SECOND);
  if (seconds >= 2 * 86_400) {
    const hours = Math.floor(seconds / 3600);
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/**
 * How long ago: `just now`, `42 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. A clock that is a little behind is no reason
 * for a negative time.
 *
 * @param {number} ms
 */
export function formatAgo(ms) {
  if (ms < 5 * SECOND) return 'just now';
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/**
 * How long something took: `0.4 ms`, `371 ms`, `4.1 s`, `1 min 12 s`.
 *
 * @param {number} ms
 */
export function formatDuration(ms) {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * A time since the beginning of a boot: `4.102 s`.
 *
 * @param {number} ms
 */
export function formatOffset(ms) {
  return `${(Math.max(0, ms) / SECOND).toFixed(3)} s`;
}

/**
 * A number of octets: `512 B`, `42.4 kB`, `9.4 MB`, `1.2 GB`, in powers of ten as `ls --si` has them.
 *
 * @param {number} octets
 */
export function formatOctets(octets) {
  const units = ['kB', 'MB', 'GB'];
  let value = octets;
  let unit = 'B';
  for (const next of units) {
    if (value < 999.95) break;
    value /= 1000;
    unit = next;
  }
  return unit === 'B' ? `${octets} B` : `${value.toFixed(1)} ${unit}`;
}

/**
 * A whole number with spaces between its thousands.
 *
 * @param {number} value
 */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/**
 * A moment in the reader's time zone, the same in every language: `2026-11-22 03:12:07`.
 *
 * @param {Date} date
 */
export function formatDateTime(date) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${formatClock(date)}`;
}

/**
 * The time of day: `03:12:07`.
 *
 * @param {Date} date
 */
export function formatClock(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/**
 * A text of a stranger on one line: what cannot be seen, and what turns the direction of writing around, is written as
 * `\u{202e}`, so that a host name looks like what it is.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/**
 * A number by which addresses are put in their order; undefined for what is no IPv4 address.
 *
 * @param {string | null} address
 * @returns {number | undefined}
 */
export function addressOrder(address) {
  if (address === null) return undefined;
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
