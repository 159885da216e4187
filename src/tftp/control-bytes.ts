/** Text from the wire with its control characters as `\x0a`, so that nobody writes lines of their own into the log. */
export function escapeControlBytes(text: string): string {
  // The characters that this is about are the ones that the rule warns of.
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
