import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DIAGNOSES } from '../../../src/boot/diagnoses.ts';
import type { SilenceReason } from '../../../src/dhcp/outcome.ts';
import type { IpmiErrorCode } from '../../../src/ipmi/ipmi-error.ts';
import type { TransferResult } from '../../../src/services/tftp-messages.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

/** An alert about a metric that nobody counts never rings: what docs/monitoring asks for must be there. */

const docs = join(import.meta.dirname, '../../../docs');
const read = (name: string): string => readFileSync(join(docs, name), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const alerts = parse(read('monitoring/alerts.yaml')) as { groups: { rules: Rule[] }[] };
const rules = alerts.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('monitoring/bootd.json')) as {
  panels: Panel[];
  annotations: { list: { expr: string }[] };
  templating: { list: { name: string; type: string; definition?: string }[] };
};

/** What Prometheus adds to every series. */
const OF_THE_TARGET = ['job', 'instance'];

/** The labels of each series that bootd exports, by its name. */
async function exportedLabels(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { registry } = createMetrics();
  const labels = new Map<string, readonly string[]>();
  for (const { name, type } of await registry.getMetricsAsJSON()) {
    const { labelNames } = registry.getSingleMetric(name) as unknown as { labelNames: readonly string[] };
    const own = [...labelNames, ...OF_THE_TARGET];
    // prom-client says the type as a word here, whatever its declarations say.
    if (String(type) !== 'histogram') labels.set(name, own);
    else {
      labels.set(`${name}_bucket`, [...own, 'le']);
      labels.set(`${name}_sum`, own);
      labels.set(`${name}_count`, own);
    }
  }
  return labels.set('up', OF_THE_TARGET);
}

/** What an expression, and the text shown with it, ask for and bootd does not have. */
function unknownParts(exported: ReadonlyMap<string, readonly string[]>, expr: string, text = ''): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  for (const [, name = '', selectors = ''] of expr.matchAll(/\b(bootd_\w+|up)\b(?:\{([^}]*)\})?/g)) {
    const labels = exported.get(name);
    if (labels === undefined) problems.push(name);
    labels?.forEach((label) => known.add(label));
    for (const [, label = ''] of selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (labels?.includes(label) === false) problems.push(`${name}{${label}}`);
    }
  }
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  const shown = [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);
  for (const label of [...grouped, ...shown]) if (!known.has(label)) problems.push(label);
  return problems;
}

/** The values that the rules compare a label with. */
function comparedValues(label: string, operator: string): readonly string[] {
  const pattern = new RegExp(`\\b${label}${operator}"([^"]*)"`, 'g');
  const values = rules.flatMap(({ expr }) =>
    [...expr.matchAll(pattern)].flatMap(([, list = '']) => list.split('|')),
  );
  return [...new Set(values)].sort();
}

/** As GitHub makes them. */
function anchors(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the check itself', () => {
  it.each([
    ['rate(bootd_boot_total[5m])', '', 'bootd_boot_total'],
    ['bootd_leases{status="bound"}', '', 'bootd_leases{status}'],
    ['bootd_dhcp_reply_seconds', '', 'bootd_dhcp_reply_seconds'],
    ['sum by (state, file) (bootd_leases)', '', 'file'],
    ['bootd_leases', '{{ $labels.verdict }}', 'verdict'],
  ])('finds what is wrong with %s %s', async (expr, text, problem) => {
    expect(unknownParts(await exportedLabels(), expr, text)).toEqual([problem]);
  });
});

describe('docs/monitoring/alerts.yaml', () => {
  it.each(rules)('$alert asks for what bootd exports', async ({ expr, annotations }) => {
    const { summary, description, runbook } = annotations;
    expect(unknownParts(await exportedLabels(), expr, `${summary} ${description}`)).toEqual([]);
    const [, file = '', anchor] = /^docs\/([a-z-]+\.md)#([a-z-]+)$/.exec(runbook ?? '') ?? [];
    expect(anchors(read(file))).toContain(anchor);
  });

  it('has a name of its own for each alert', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('takes no state of a boot for a failure, and no failure for a state', () => {
    const states = Object.entries(DIAGNOSES).flatMap(([code, { kind }]) => (kind === 'state' ? [code] : []));
    expect(comparedValues('verdict', '!~')).toEqual(states.sort());
  });

  it('compares labels with values that occur', () => {
    const unanswered: SilenceReason[] = ['no-free-address', 'too-many-offers'];
    const transfers: TransferResult[] = ['done', 'read-failed', 'timeout', 'truncated'];
    const silences: IpmiErrorCode[] = ['no-answer', 'session-lost', 'unreachable'];
    expect(comparedValues('reason', '=')).toEqual(unanswered);
    expect(comparedValues('result', '=~')).toEqual(transfers);
    // What is a silence rings one alert, and what is none the other.
    for (const operator of ['=~', '!~']) expect(comparedValues('code', operator)).toEqual(silences);
  });
});

describe('docs/monitoring/bootd.json', () => {
  const graphs = dashboard.panels.filter((panel) => panel.type !== 'row');

  it.each(graphs)('$title asks for what bootd exports', async ({ targets = [] }) => {
    const exported = await exportedLabels();
    expect(targets).not.toEqual([]);
    for (const { expr, legendFormat } of targets) {
      expect(unknownParts(exported, expr, legendFormat)).toEqual([]);
    }
  });

  it('asks for what bootd exports in its variables and annotations too', async () => {
    const { annotations, templating } = dashboard;
    const asked = [
      ...annotations.list.map(({ expr }) => expr),
      ...templating.list.map(({ definition = '' }) => definition),
    ];
    const exported = await exportedLabels();
    expect(asked.flatMap((expr) => unknownParts(exported, expr))).toEqual([]);
  });

  it('can be imported anywhere: the data source is a variable, and no number is given twice', () => {
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource' }),
    );
    expect(new Set(graphs.map(({ datasource }) => datasource?.uid))).toEqual(new Set(['${datasource}']));
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('shows every metric of the services', async () => {
    const shown = graphs.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    const names = (await createMetrics('services').registry.getMetricsAsJSON()).map(({ name }) => name);
    const missing = names.filter((name) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(shown));
    expect(missing).toEqual(['bootd_image_fetched_bytes_total']);
  });
});
