import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describedMetrics } from '../../src/admin/metrics/reference.ts';
import { needProgram } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = join(import.meta.dirname, '../../service/monitoring');
const dashboard = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8')) as {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
};
const rules = readFileSync(join(folder, 'alerts.yaml'), 'utf8');

const dashboardExpressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const ruleExpressions = [...rules.matchAll(/^ +expr: (.*)$/gm)].map(([, expr = '']) => expr);

function promtool(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('Prometheus takes the rules, and they do as their tests say', (context) => {
  needProgram(context, 'promtool');
  expect(promtool('check', 'rules', 'alerts.yaml').output).toContain(`${ruleExpressions.length} rules found`);
  const { status, output } = promtool('test', 'rules', 'alerts.test.yaml');
  expect(status, output).toBe(0);
});

test('Prometheus takes every expression of the dashboard', (context) => {
  needProgram(context, 'promtool');
  const asRules = dashboardExpressions.map((expr, n) => ({
    record: `panel:${n}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(?:instance|job)/g, 'x'),
  }));
  const file = join(temporaryFolder(), 'rules.json');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: asRules }] }));
  const { status, output } = promtool('check', 'rules', file);
  expect(status, output).toBe(0);
});

test('the panels have titles and ids of their own, and none covers another', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
});

/** Those that prom-client adds for any Node.js process, and Prometheus' own. */
const common = ['up', 'process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_max_seconds'];

test('every metric and label in the dashboard and the rules is one that a bridge tells', () => {
  const known = new Map(describedMetrics().map((metric) => [metric.name, metric]));
  const wrong: string[] = [];
  for (const expr of [...dashboardExpressions, ...ruleExpressions]) {
    for (const [, name = '', selector = ''] of expr.matchAll(
      /\b((?:mailbridge|process|nodejs)_\w+|up)(?:\{([^}]*)\})?/g,
    )) {
      const metric = known.get(name) ?? known.get(name.replace(/_(?:bucket|sum|count)$/, ''));
      if (metric === undefined && !common.includes(name)) wrong.push(name);
      const labels = [...selector.matchAll(/(\w+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label);
      const own = labels.filter((label) => !['instance', 'job'].includes(label));
      wrong.push(...own.filter((label) => !metric?.labels.includes(label)).map((label) => `${name}{${label}}`));
    }
  }
  expect(wrong).toEqual([]);
  expect(dashboardExpressions.length).toBeGreaterThan(20);
});
