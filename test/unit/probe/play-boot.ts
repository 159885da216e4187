import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseMac, type Mac } from '../../../src/addr/mac.ts';
import {
  requestName,
  type BootVerdict,
  type FileAnswer,
  type FileRequest,
  type LoaderFacts,
} from '../../../src/probe/file-request.ts';
import type { FirmwareShapeName } from '../../../src/probe/firmware-shapes.ts';
import { bootMachine } from '../../../src/probe/loader-client.ts';

const SERVER = parseIpv4('192.168.0.1')!;

/** What a loader knows, with the lab's values where a test says nothing. */
export function loaderFacts(given: {
  readonly firmware: FirmwareShapeName;
  readonly bootFile: string;
  readonly mac?: Mac;
  readonly address?: Ipv4;
  readonly grubPrefix?: string;
  readonly pathPrefix?: string;
  readonly configFile?: string;
  readonly machineUuid?: string;
}): LoaderFacts {
  const mac = given.mac ?? parseMac('0c:c4:7a:0e:2b:6b')!;
  return {
    firmware: given.firmware,
    machine: { mac, uuid: new Uint8Array(16) },
    lease: {
      address: given.address ?? parseIpv4('192.168.0.130')!,
      subnetMask: undefined,
      serverIdentifier: SERVER,
      nextServer: SERVER,
      bootFile: given.bootFile,
      leaseSeconds: 600,
      pathPrefix: given.pathPrefix,
      configFile: given.configFile,
      vendorClass: '',
      machineUuid: given.machineUuid,
    },
    grubPrefix: given.grubPrefix ?? '/EFI/centos',
  };
}

/** Everything that was asked for, and what it came to. */
export interface PlayedBoot {
  readonly requests: readonly FileRequest[];
  readonly names: readonly string[];
  readonly verdict: BootVerdict;
}

/** Plays a boot against a function that answers. */
export function playBoot(facts: LoaderFacts, answer: (request: FileRequest) => FileAnswer): PlayedBoot {
  const requests: FileRequest[] = [];
  const boot = bootMachine(facts);
  let step = boot.next({ kind: 'failed', reason: 'nothing was asked' });
  while (step.done !== true) {
    requests.push(step.value);
    if (requests.length > 1000) throw new Error('the boot does not end');
    step = boot.next(answer(step.value));
  }
  return { requests, names: requests.map(requestName), verdict: step.value };
}

/** Plays a boot against a tree of texts: what is not in it is refused. */
export function playBootFrom(facts: LoaderFacts, files: Readonly<Record<string, string>>): PlayedBoot {
  return playBoot(facts, (request) => {
    const text = files[requestName(request)];
    if (text === undefined) return { kind: 'refused', reason: 'ERROR 1 "File not found"' };
    const content = new TextEncoder().encode(text);
    const isAborted =
      (request.source.kind === 'tftp' && request.source.request.abort !== undefined) ||
      (request.source.kind === 'http' && request.source.method === 'HEAD');
    return { kind: isAborted ? 'aborted' : 'served', octets: content.length, content };
  });
}

/** What stands for a program of that name: UEFI only starts what begins with MZ. */
export function programText(name: string): string {
  return name.endsWith('.efi') ? 'MZ' : 'x';
}
