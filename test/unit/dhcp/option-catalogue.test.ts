import { describe, expect, it } from 'vitest';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';

describe('OptionCatalogue', () => {
  it('finds standard names, numbered ones, and sub-options, in any case', () => {
    const catalogue = new OptionCatalogue();
    expect(catalogue.find('Routers')).toMatchObject({ code: 3, space: undefined });
    expect(catalogue.find('option-200')).toMatchObject({ code: 200, type: { kind: 'string' } });
    expect(catalogue.find('Agent.Circuit-Id')).toMatchObject({ code: 1, space: 'agent' });
    expect(catalogue.find('routerz')).toBeUndefined();
    expect(catalogue.find('agent.routers')).toBeUndefined();
  });

  it('lets a definition take the place of a standard name, and keeps others apart', () => {
    const catalogue = new OptionCatalogue();
    catalogue.define({ name: 'Routers', code: 3, type: { kind: 'text' }, space: undefined });
    expect(catalogue.find('routers')).toMatchObject({ code: 3, type: { kind: 'text' } });
    expect(new OptionCatalogue().find('routers')).toMatchObject({ type: { kind: 'array' } });
  });

  it('knows what carries a space', () => {
    const catalogue = new OptionCatalogue();
    expect(catalogue.carrierOf('agent')).toBe(82);
    expect(catalogue.carrierOf('ACME')).toBeUndefined();
    expect(catalogue.hasSpace('ACME')).toBe(false);
    catalogue.define({ name: 'ACME.x', code: 1, type: { kind: 'text' }, space: 'acme' });
    expect(catalogue.hasSpace('ACME')).toBe(true);
    catalogue.define({
      name: 'carrier',
      code: 240,
      type: { kind: 'encapsulate', space: 'ACME' },
      space: undefined,
    });
    expect(catalogue.carrierOf('acme')).toBe(240);
    catalogue.carryInVendorOptions('Acme');
    expect(catalogue.carriers().get('acme')).toBe(43);
  });

  it('lists every name it can find', () => {
    const catalogue = new OptionCatalogue();
    const names = catalogue.names();
    expect(names.length).toBeGreaterThan(150);
    expect(names.filter((name) => catalogue.find(name) === undefined)).toEqual([]);
  });
});
