import { describe, expect, it } from 'vitest';
import {
  NodeRegistry,
  type NodeChange,
  type NodeCommand,
  type NodePlan,
  type NodeRefusal,
  type Precondition,
} from '../../../src/boot/node-registry.ts';
import { ipv4, MAC, nodeDraft, OTHER_MAC, OTHER_UUID, portSample, profileSample, UUID } from './samples.ts';

const NONE: Precondition = { kind: 'none' };

function changesOf(plan: NodePlan): readonly NodeChange[] {
  if (plan.kind === 'refused') throw new Error(`refused: ${JSON.stringify(plan.refusal)}`);
  return plan.changes;
}

function refusalOf(plan: NodePlan): NodeRefusal {
  if (plan.kind === 'changes') throw new Error('not refused');
  return plan.refusal;
}

/** Carries commands out and returns all changes that they made. */
function run(registry: NodeRegistry, ...commands: readonly NodeCommand[]): readonly NodeChange[] {
  return commands.flatMap((command) => {
    const changes = changesOf(registry.plan(command));
    registry.apply(changes);
    return changes;
  });
}

const putNode: NodeCommand = { kind: 'node.put', node: nodeDraft(), precondition: NONE };
const putProfile: NodeCommand = {
  kind: 'boot-profile.put',
  uuid: UUID,
  assignment: { kind: 'own', profile: profileSample() },
  precondition: NONE,
};
const putShared: NodeCommand = {
  kind: 'shared-profile.put',
  name: 'rescue',
  profile: profileSample({ purpose: 'rescue' }),
  precondition: NONE,
};
const useShared: NodeCommand = {
  kind: 'boot-profile.put',
  uuid: UUID,
  assignment: { kind: 'shared', name: 'rescue' },
  precondition: NONE,
};

describe('NodeRegistry', () => {
  it('changes nothing while it plans', () => {
    const registry = new NodeRegistry();
    registry.plan(putNode);
    expect(registry.listNodes()).toEqual([]);
  });

  it('finds a node by UUID, and its port by MAC, with the profile', () => {
    const registry = new NodeRegistry();
    run(registry, putNode, putProfile);
    expect(registry.nodeByUuid(UUID)?.node.name).toBe('bm1');
    expect(registry.portByMac(MAC)).toMatchObject({
      node: { uuid: UUID },
      port: { address: MAC },
      profile: { purpose: 'deploy' },
    });
    expect(registry.portByMac(OTHER_MAC)).toBeUndefined();
  });

  it('replaces all of a node: ports that are left out are nobody’s', () => {
    const registry = new NodeRegistry();
    run(registry, putNode, {
      kind: 'node.put',
      node: nodeDraft({ ports: [portSample({ address: OTHER_MAC, fixedAddress: ipv4('192.168.0.20') })] }),
      precondition: NONE,
    });
    expect(registry.portByMac(MAC)).toBeUndefined();
    expect(registry.portByMac(OTHER_MAC)?.node.uuid).toBe(UUID);
    expect(registry.portByFixedAddress(ipv4('192.168.0.20'))?.port.address).toBe(OTHER_MAC);
    run(registry, putNode);
    expect(registry.portByFixedAddress(ipv4('192.168.0.20'))).toBeUndefined();
  });

  it('keeps the boot profile when the node is put again: each document has its own writer', () => {
    const registry = new NodeRegistry();
    run(registry, putNode, putProfile, {
      kind: 'node.put',
      node: nodeDraft({ name: 'other' }),
      precondition: NONE,
    });
    expect(registry.portByMac(MAC)?.profile?.purpose).toBe('deploy');
  });

  it('forgets the boot profile with its node', () => {
    const registry = new NodeRegistry();
    run(registry, putNode, putProfile, { kind: 'node.delete', uuid: UUID, precondition: NONE }, putNode);
    expect(registry.bootOf(UUID)).toBeUndefined();
  });

  it.each<[string, NodeCommand]>([
    ['node.put', putNode],
    ['boot-profile.put', putProfile],
    ['shared-profile.put', putShared],
  ])('plans no change for a repeated %s', (_name, command) => {
    const registry = new NodeRegistry();
    run(registry, putNode, putProfile, putShared);
    expect(registry.plan(command)).toEqual({ kind: 'changes', changes: [] });
  });

  it.each<[string, NodeCommand]>([
    ['node', { kind: 'node.delete', uuid: UUID, precondition: NONE }],
    ['boot profile', { kind: 'boot-profile.delete', uuid: UUID, precondition: NONE }],
    ['shared profile', { kind: 'shared-profile.delete', name: 'rescue', precondition: NONE }],
  ])('lets a %s that is not there be deleted', (_name, command) => {
    expect(new NodeRegistry().plan(command)).toEqual({ kind: 'changes', changes: [] });
  });

  describe('refuses', () => {
    const other = (ports = [portSample()]): NodeCommand => ({
      kind: 'node.put',
      node: nodeDraft({ uuid: OTHER_UUID, ports }),
      precondition: NONE,
    });
    const withAddress: NodeCommand = {
      kind: 'node.put',
      node: nodeDraft({ ports: [portSample({ fixedAddress: ipv4('192.168.0.20') })] }),
      precondition: NONE,
    };
    it.each<[string, readonly NodeCommand[], NodeCommand, NodeRefusal]>([
      ['a MAC of another node', [putNode], other(), { kind: 'mac-taken', mac: MAC, owner: UUID }],
      [
        'a fixed address of another node',
        [withAddress],
        other([portSample({ address: OTHER_MAC, fixedAddress: ipv4('192.168.0.20') })]),
        { kind: 'address-taken', address: ipv4('192.168.0.20'), owner: UUID },
      ],
      ['a boot profile without a node', [], putProfile, { kind: 'node-unknown', uuid: UUID }],
      ['an unknown shared profile', [putNode], useShared, { kind: 'profile-unknown', name: 'rescue' }],
      [
        'to delete a shared profile in use',
        [putNode, putShared, useShared],
        { kind: 'shared-profile.delete', name: 'rescue', precondition: NONE },
        { kind: 'profile-in-use', name: 'rescue', nodes: [UUID] },
      ],
    ])('%s', (_name, before, command, refusal) => {
      const registry = new NodeRegistry();
      run(registry, ...before);
      expect(refusalOf(registry.plan(command))).toEqual(refusal);
    });
  });

  it('lets a MAC move once its node has given it up', () => {
    const registry = new NodeRegistry();
    run(
      registry,
      putNode,
      { kind: 'node.put', node: nodeDraft({ ports: [] }), precondition: NONE },
      { kind: 'node.put', node: nodeDraft({ uuid: OTHER_UUID }), precondition: NONE },
    );
    expect(registry.portByMac(MAC)?.node.uuid).toBe(OTHER_UUID);
  });

  describe('generations', () => {
    it('rise with each change of the node and of its boot profile', () => {
      const registry = new NodeRegistry();
      const generations = [
        putNode,
        putProfile,
        { kind: 'boot-profile.delete', uuid: UUID, precondition: NONE } as const,
      ].map((command) => {
        run(registry, command);
        return registry.nodeByUuid(UUID)?.node.generation;
      });
      expect(generations).toEqual([1, 2, 3]);
    });

    it('are not given out twice, not even after a restart without the node', () => {
      const registry = new NodeRegistry();
      const changes = run(registry, putNode, putProfile, {
        kind: 'node.delete',
        uuid: UUID,
        precondition: NONE,
      });
      const restarted = new NodeRegistry();
      restarted.apply(changes.filter((change) => change.kind === 'generation.put'));
      run(restarted, putNode);
      expect(restarted.nodeByUuid(UUID)?.node.generation).toBe(3);
    });

    it.each<[string, Precondition, 'ok' | 'refused']>([
      ['the current one', { kind: 'generation', oneOf: [1] }, 'ok'],
      ['one of several', { kind: 'generation', oneOf: [7, 1] }, 'ok'],
      ['an old one', { kind: 'generation', oneOf: [0] }, 'refused'],
      ['none that could be read', { kind: 'generation', oneOf: [] }, 'refused'],
      ['any', { kind: 'present' }, 'ok'],
      ['that there is no record', { kind: 'absent' }, 'refused'],
    ])('as a precondition: %s', (_name, precondition, expected) => {
      const registry = new NodeRegistry();
      run(registry, putNode);
      const plan = registry.plan({ kind: 'node.put', node: nodeDraft({ name: 'x' }), precondition });
      expect(plan.kind).toBe(expected === 'ok' ? 'changes' : 'refused');
      if (expected === 'refused') {
        expect(refusalOf(plan)).toEqual({ kind: 'precondition-failed', generation: 1 });
      }
    });

    it('as a precondition on a record that is not there', () => {
      const registry = new NodeRegistry();
      const plan = registry.plan({ kind: 'node.put', node: nodeDraft(), precondition: { kind: 'present' } });
      expect(refusalOf(plan)).toEqual({ kind: 'precondition-failed', generation: undefined });
      expect(
        registry.plan({ kind: 'node.put', node: nodeDraft(), precondition: { kind: 'absent' } }).kind,
      ).toBe('changes');
    });
  });

  describe('policy once', () => {
    const once: NodeCommand = {
      kind: 'boot-profile.put',
      uuid: UUID,
      assignment: { kind: 'own', profile: profileSample({ policy: 'once' }) },
      precondition: NONE,
    };
    const complete: NodeCommand = { kind: 'boot-profile.complete', uuid: UUID, at: 1_700_000_000_000 };

    it('means the local disk after the first boot', () => {
      const registry = new NodeRegistry();
      run(registry, putNode, once);
      expect(registry.portByMac(MAC)?.profile?.policy).toBe('once');
      run(registry, complete);
      expect(registry.portByMac(MAC)?.profile?.policy).toBe('local-disk');
      expect(registry.bootOf(UUID)?.doneAt).toBe(1_700_000_000_000);
    });

    it('counts one boot once', () => {
      const registry = new NodeRegistry();
      run(registry, putNode, once, complete);
      expect(changesOf(registry.plan({ ...complete, at: 2 }))).toEqual([]);
    });

    it('is armed again by the same PUT', () => {
      const registry = new NodeRegistry();
      run(registry, putNode, once, complete, once);
      expect(registry.portByMac(MAC)?.profile?.policy).toBe('once');
    });

    it('is each node’s own for a shared profile', () => {
      const registry = new NodeRegistry();
      run(
        registry,
        putNode,
        { ...putShared, profile: profileSample({ policy: 'once' }) },
        useShared,
        {
          kind: 'node.put',
          node: nodeDraft({ uuid: OTHER_UUID, ports: [portSample({ address: OTHER_MAC })] }),
          precondition: NONE,
        },
        { ...useShared, uuid: OTHER_UUID },
        complete,
      );
      expect(registry.portByMac(MAC)?.profile?.policy).toBe('local-disk');
      expect(registry.portByMac(OTHER_MAC)?.profile?.policy).toBe('once');
    });

    it('is the only policy that a finished boot changes', () => {
      const registry = new NodeRegistry();
      run(registry, putNode, putProfile);
      expect(changesOf(registry.plan(complete))).toEqual([]);
    });
  });

  it('shows a changed shared profile to every node that uses it', () => {
    const registry = new NodeRegistry();
    run(registry, putNode, putShared, useShared, {
      ...putShared,
      profile: profileSample({ kernel: 'new' }),
    });
    expect(registry.portByMac(MAC)?.profile?.kernel).toBe('new');
  });

  it('comes back the same from its own changes, in any order of records', () => {
    const registry = new NodeRegistry();
    const changes = run(registry, putShared, putNode, useShared);
    const last = new Map(
      changes.map((change) => [
        change.kind === 'node.put' ? 'node' : change.kind === 'boot-profile.put' ? 'boot' : 'shared',
        change,
      ]),
    );
    const restarted = new NodeRegistry();
    restarted.apply([...last.values()].reverse());
    expect(restarted.listNodes()).toEqual(registry.listNodes());
    expect(restarted.portByMac(MAC)).toEqual(registry.portByMac(MAC));
    expect(restarted.listSharedProfiles()).toEqual(registry.listSharedProfiles());
  });

  it('lists in the order of UUIDs and names', () => {
    const registry = new NodeRegistry();
    run(
      registry,
      putNode,
      {
        kind: 'node.put',
        node: nodeDraft({ uuid: OTHER_UUID, ports: [] }),
        precondition: NONE,
      },
      putShared,
      { ...putShared, name: 'discovery' },
    );
    expect(registry.listNodes().map((node) => node.uuid)).toEqual([OTHER_UUID, UUID]);
    expect(registry.listSharedProfiles().map((shared) => shared.name)).toEqual(['discovery', 'rescue']);
  });
});
