/** Flags, width, precision and conversion of Python's printf-style formatting. */
const DIRECTIVE = /%([-#0 +]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

/**
 * Jinja's `%`, which is Python's: the remainder of numbers, with the divisor's sign, and formatting for text
 * (`'0x%x' % drive_id` in Ironic's iPXE template). Throws Error for a conversion that templates have no use for.
 */
export function pythonModulo(left: unknown, right: unknown): unknown {
  if (typeof left !== 'string') {
    const divisor = Number(right);
    return ((Number(left) % divisor) + divisor) % divisor;
  }
  const values: readonly unknown[] = Array.isArray(right) ? right : [right];
  let next = 0;
  return left.replace(
    DIRECTIVE,
    (_, flags: string, width: string | undefined, precision: string | undefined, conversion: string) => {
      if (conversion === '%') return '%';
      if (next >= values.length) throw new Error('not enough values for the % formatting');
      const text = formatOne(values[next++], flags, precision, conversion);
      return pad(text, flags, Number(width ?? 0));
    },
  );
}

function formatOne(value: unknown, flags: string, precision: string | undefined, conversion: string): string {
  const prefixed = flags.includes('#');
  switch (conversion) {
    case 's':
      return String(value).slice(0, precision === undefined ? undefined : Number(precision));
    case 'd':
    case 'i':
      return signed(Math.trunc(Number(value)), flags);
    case 'f':
      return Number(value).toFixed(Number(precision ?? 6));
    case 'x':
      return (prefixed ? '0x' : '') + Math.trunc(Number(value)).toString(16);
    case 'X':
      return (prefixed ? '0X' : '') + Math.trunc(Number(value)).toString(16).toUpperCase();
    case 'o':
      return (prefixed ? '0o' : '') + Math.trunc(Number(value)).toString(8);
    default:
      throw new Error(`%${conversion} is no conversion of text that is known here`);
  }
}

function signed(value: number, flags: string): string {
  return flags.includes('+') && value >= 0 ? `+${value}` : String(value);
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.padEnd(width);
  if (!flags.includes('0')) return text.padStart(width);
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  return sign + digits.padStart(width - sign.length, '0');
}
