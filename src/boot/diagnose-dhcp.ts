import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { DhcpStep } from './boot-step.ts';
import type { BootTrace } from './boot-trace.ts';
import type { SiteFacts } from './diagnose.ts';
import { isUefi } from './firmware.ts';
import { makeFinding, type Finding } from './verdict.ts';

/** One lost packet makes a machine ask twice; the third time it has not heard us. */
const REPEATED = 3;

/** Names of files that only a BIOS runs, and such that only UEFI runs. */
const BIOS_PROGRAM = /(?:^|\/)(?:l?pxelinux\.0|undionly\.k?kpxe|.+\.k?kpxe|.+\.pxe)$/i;
const UEFI_PROGRAM = /\.efi$/i;

/** Why a machine has no address, or has one and does not go on to its boot file; undefined: no reason so far. */
export function dhcpFailure(trace: BootTrace, site: SiteFacts, isPatient: boolean): Finding | undefined {
  const last = trace.steps.findLast((step) => step.kind === 'dhcp' || step.kind === 'conflict');
  if (last === undefined) return undefined;
  if (last.kind === 'conflict') {
    const holder = last.holder ?? 'another machine';
    return makeFinding('address-conflict', { address: formatIpv4(last.address), holder });
  }
  if (last.stage === 'system' && trace.phase === 'system') return systemFailure(last);
  // iPXE asks again after it was loaded; otherwise whoever has files is past DHCP.
  const isAsking = trace.phase === 'address' || trace.phase === 'boot-file' || last === trace.steps.at(-1);
  if (!isAsking) return undefined;
  switch (last.reply) {
    case undefined:
      return silenceReason(last, trace);
    case 'nak': {
      const objection = last.objection ?? 'not its address';
      const count = countOf(trace, ({ reply }) => reply === 'nak');
      return count < REPEATED && isPatient ? undefined : makeFinding('nak-loop', { count, objection });
    }
    case 'offer': {
      const again = givenAgain(trace);
      if (again !== undefined) return again;
      const count = last.count;
      if (count < REPEATED && isPatient) return undefined;
      return noBootFile(trace, last, site) ?? offerIgnored(trace, last, site, count);
    }
    case 'ack':
    case 'bootp':
      return last.stage === 'system'
        ? undefined
        : (portFailure(trace, site) ?? noBootFile(trace, last, site) ?? givenAgain(trace));
  }
}

/** An offer that is not taken up: by firmware that wants something else, or that does not hear it. */
function offerIgnored(
  trace: BootTrace,
  { address }: DhcpStep,
  { servesHttp }: SiteFacts,
  count: number,
): Finding {
  if (trace.isHttpClient && !servesHttp) return makeFinding('http-boot-off', {});
  return makeFinding('offer-not-requested', { address: textOf(address), count });
}

function silenceReason(last: DhcpStep, trace: BootTrace): Finding | undefined {
  const { mac } = trace;
  const wire = wireOf(trace);
  const address = textOf(last.address);
  switch (last.silence) {
    case 'no-subnet':
      return makeFinding('no-subnet', { wire });
    case 'unknown-machine':
      return makeFinding('unknown-machine', { mac });
    case 'booting-not-allowed':
      return makeFinding('booting-not-allowed', {});
    case 'bootp-not-allowed':
      return makeFinding('bootp-not-allowed', {});
    case 'no-free-address':
      return makeFinding('no-free-address', { wire });
    case 'too-many-offers':
      return makeFinding('too-many-offers', { wire });
    case 'reservation-in-use':
      return makeFinding('reservation-in-use', {});
    case 'other-server':
      return makeFinding('other-server-chosen', { server: textOf(last.chosenServer) });
    case 'declined':
      return makeFinding('address-declined', { address });
    case 'not-kept':
      return makeFinding('lease-not-kept', {});
    case 'not-sent':
      return makeFinding('reply-not-sent', {});
    case 'no-boot-file':
      return makeFinding('no-boot-file', { firmware: firmwareText(trace) });
    case 'unknown-lease':
      return makeFinding('request-not-ours', { address, reason: 'the lease is not known' });
    case 'not-authoritative':
      return makeFinding('request-not-ours', { address, reason: 'it is not authoritative for that network' });
    default:
      return undefined;
  }
}

function systemFailure(last: DhcpStep): Finding | undefined {
  if (last.reply !== undefined || last.silence === undefined) return undefined;
  if (last.silence === 'other-server') {
    return makeFinding('other-server-chosen', { server: textOf(last.chosenServer) });
  }
  return makeFinding('system-unanswered', { reason: last.silence });
}

function portFailure({ mac }: BootTrace, { port }: SiteFacts): Finding | undefined {
  return port?.port.pxeEnabled === false ? makeFinding('port-not-pxe', { mac }) : undefined;
}

/** What was, or was not, named as boot file, where that cannot work. */
function noBootFile(trace: BootTrace, last: DhcpStep, { servesHttp }: SiteFacts): Finding | undefined {
  const { bootFile, withheldBootFile, stage } = last;
  if (bootFile === undefined) {
    if (withheldBootFile !== undefined) {
      return makeFinding('ipxe-without-script', { file: withheldBootFile });
    }
    if (trace.isHttpClient && !servesHttp) return makeFinding('http-boot-off', {});
    return makeFinding('no-boot-file', { firmware: firmwareText(trace) });
  }
  const { firmware } = trace;
  if (stage === 'ipxe' || firmware === undefined || firmware === 'ipxe') return undefined;
  if (trace.isHttpClient && !/^https?:/i.test(bootFile)) {
    return servesHttp ? undefined : makeFinding('http-boot-off', {});
  }
  const wrong = isUefi(firmware) ? BIOS_PROGRAM : UEFI_PROGRAM;
  return wrong.test(bootFile)
    ? makeFinding('boot-file-for-other-firmware', { file: bootFile, firmware })
    : undefined;
}

function givenAgain(trace: BootTrace): Finding | undefined {
  if (trace.steps.some(({ kind }) => kind === 'file' || kind === 'refusal')) return undefined;
  const count = countOf(trace, ({ reply }) => reply === 'ack' || reply === 'bootp');
  if (count < REPEATED) return undefined;
  return makeFinding('discover-loop', {
    address: textOf(trace.address),
    count,
    firmware: firmwareText(trace),
  });
}

function countOf({ steps }: BootTrace, test: (step: DhcpStep) => boolean): number {
  return steps.reduce(
    (sum, step) => sum + (step.kind === 'dhcp' && step.stage !== 'system' && test(step) ? step.count : 0),
    0,
  );
}

/** What people call the wire: the relay where there is one, else the interface. */
function wireOf({ relayAddress, interfaceName }: BootTrace): string {
  if (relayAddress !== undefined) return `the wire of relay ${formatIpv4(relayAddress)}`;
  return interfaceName ?? 'its wire';
}

function firmwareText({ firmware }: BootTrace): string {
  return firmware ?? 'firmware that does not tell its architecture';
}

function textOf(address: Ipv4 | undefined): string {
  return address === undefined ? 'an address' : formatIpv4(address);
}
