/** Generic completion codes (IPMI 2.0 table 5-2). */
const GENERIC: Readonly<Record<number, string>> = {
  0x00: 'done',
  0xc0: 'the controller is busy',
  0xc1: 'the controller does not know this command',
  0xc2: 'the command is not valid for this logical unit',
  0xc3: 'the controller ran out of time',
  0xc4: 'the controller is out of space',
  0xc5: 'the reservation was cancelled',
  0xc6: 'the request was too short and was cut off',
  0xc7: 'the request has the wrong length',
  0xc8: 'the request is longer than the field allows',
  0xc9: 'a parameter is out of range',
  0xca: 'the controller cannot return that many octets',
  0xcb: 'the sensor or record is not there',
  0xcc: 'a field of the request is not valid',
  0xcd: 'the command is not allowed for this sensor or record',
  0xce: 'the controller could not make an answer',
  0xcf: 'the request was a duplicate',
  0xd0: 'the sensor data repository is being updated',
  0xd1: 'the controller is updating its firmware',
  0xd2: 'the controller is initializing',
  0xd3: 'the destination is not there',
  0xd4: 'the user has too little privilege for it',
  0xd5: 'not possible in the present state of the machine',
  0xd6: 'the function is switched off in the controller',
  0xff: 'the controller gives no reason',
};

/** Codes that mean something of their own for one command, by network function and command. */
const SPECIFIC: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  // Set and Get System Boot Options
  '0/8': {
    0x80: 'the controller does not have this boot parameter',
    0x81: 'another party is setting boot options',
    0x82: 'the boot parameter is read-only',
  },
  '0/9': { 0x80: 'the controller does not have this boot parameter' },
  // Set Session Privilege Level
  '6/59': {
    0x80: 'the user may not have this privilege level',
    0x81: 'the privilege level is above the limit of the user or the channel',
    0x82: 'user-level authentication cannot be switched off',
  },
  // Activate Payload
  '6/72': {
    0x80: 'serial over LAN is in use by another console',
    0x81: 'serial over LAN is switched off in the controller',
    0x82: 'serial over LAN has reached the limit of its sessions',
    0x83: 'serial over LAN cannot be had with encryption',
    0x84: 'serial over LAN cannot be had without encryption',
  },
  '6/73': { 0x80: 'serial over LAN is not active', 0x81: 'serial over LAN is switched off' },
  // Get SEL Info, Get SEL Entry
  '10/64': { 0x81: 'the event log is being erased' },
  '10/67': { 0x81: 'the event log is being erased' },
};

/** A completion code in words, with its number. `netFn` is that of the request. */
export function formatCompletionCode(code: number, netFn: number, command: number): string {
  const words =
    SPECIFIC[`${netFn}/${command}`]?.[code] ??
    GENERIC[code] ??
    (code >= 0x01 && code <= 0x7e ? 'a code of its maker' : 'a code without a meaning that is known');
  return `${words} (completion code 0x${code.toString(16).padStart(2, '0')})`;
}

/** RMCP+ status codes (IPMI 2.0 table 13-15). */
const STATUS: Readonly<Record<number, string>> = {
  0x01: 'no resources for another session',
  0x02: 'the session ID is not valid',
  0x03: 'the payload type is not valid',
  0x04: 'the authentication algorithm is not supported',
  0x05: 'the integrity algorithm is not supported',
  0x06: 'no matching authentication payload',
  0x07: 'no matching integrity payload',
  0x08: 'the session is not active',
  0x09: 'the role is not valid',
  0x0a: 'the role or privilege level is not allowed',
  0x0b: 'no resources for a session with this role',
  0x0c: 'the length of the user name is not valid',
  0x0d: 'the user name is not allowed',
  0x0e: 'the GUID is not allowed',
  0x0f: 'the integrity check value is wrong',
  0x10: 'the confidentiality algorithm is not supported',
  0x11: 'no cipher suite matches',
  0x12: 'a parameter is not legal',
};

/** An RMCP+ status code in words, with its number. */
export function formatRmcpStatus(status: number): string {
  return `${STATUS[status] ?? 'an unknown status'} (RMCP+ status 0x${status.toString(16).padStart(2, '0')})`;
}
