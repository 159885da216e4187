/**
 * The catalogue of log events: `room.noun.verb`. Each stands in the `event` field of its log line and is described
 * in docs/events-and-metrics.md; test/catalogue.test.ts compares the two.
 */
export const EVENTS = {
  daemonStarted: 'daemon.started',
  daemonReady: 'daemon.ready',
  daemonServiceOff: 'daemon.service.off',
  daemonStopping: 'daemon.stopping',
  daemonStopped: 'daemon.stopped',
  daemonFailed: 'daemon.failed',
  configWarned: 'config.warned',
  storeRepaired: 'store.repaired',
  storeFailed: 'store.commit.failed',
  storeRecovered: 'store.recovered',
  dhcpListening: 'dhcp.socket.opened',
  dhcpPacketMalformed: 'dhcp.packet.malformed',
  dhcpRequestIgnored: 'dhcp.request.ignored',
  dhcpReplySent: 'dhcp.reply.sent',
  dhcpReplyFailed: 'dhcp.reply.failed',
  dhcpConflictFound: 'dhcp.conflict.found',
  leaseReleased: 'lease.released',
  leaseDeclined: 'lease.declined',
  tftpListening: 'tftp.socket.opened',
  tftpClosed: 'tftp.socket.closed',
  tftpRequestReceived: 'tftp.request.received',
  tftpRequestRefused: 'tftp.request.refused',
  tftpTransferStarted: 'tftp.transfer.started',
  tftpTransferDone: 'tftp.transfer.done',
  tftpTransferFailed: 'tftp.transfer.failed',
  tftpMapLoaded: 'tftp.map.loaded',
  tftpMapFailed: 'tftp.map.failed',
  tftpThreadFailed: 'tftp.thread.failed',
  nodePut: 'node.put',
  nodeDeleted: 'node.deleted',
  bootProfilePut: 'node.profile.put',
  bootProfileDeleted: 'node.profile.deleted',
  templateLoaded: 'template.loaded',
  templateFailed: 'template.failed',
  controlListening: 'control.socket.opened',
  controlRequestFailed: 'control.request.failed',
} as const;

export type EventName = (typeof EVENTS)[keyof typeof EVENTS];
