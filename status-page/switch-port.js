// @ts-check

/**
 * Where a port is plugged in, as Ironic's `extra` of the port says: the gateway (VSG), its port and its VLAN.
 *
 * @param {Readonly<Record<string, unknown>>} extra
 * @returns {string | undefined} Undefined: it does not say.
 */
export function switchPortOf(extra) {
  const text = (/** @type {string} */ name) => {
    const value = extra[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const port = text('gateway_port');
  const vlan = text('gateway_vlan');
  const parts = [
    text('gateway_name'),
    port === undefined ? undefined : `port ${port}`,
    vlan === undefined ? undefined : `VLAN ${vlan}`,
  ].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? undefined : parts.join(' ');
}
