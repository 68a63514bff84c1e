import type { ShownHistory } from '../contract.ts';
import { type PlotSpec, plotFigure } from '../parts/plot.ts';
import { span, spanTicks } from '../parts/span.ts';
import type { PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

const rate = (value: number) => `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)}`;

const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000];
const specs: readonly PlotSpec[] = [
  {
    title: 'Throughput',
    unit: 'messages per minute',
    ticks: counts,
    series: [
      { key: 'accepted', join: 'per-minute', name: 'Accepted' },
      { key: 'delivered', join: 'per-minute', name: 'Delivered' },
      { key: 'deferred', join: 'per-minute', name: 'Deferred', dash: [6, 4] },
      { key: 'failed', join: 'per-minute', name: 'Failed', dash: [2, 3] },
    ],
    text: rate,
    per: '/min',
  },
  {
    title: 'Latency',
    unit: 'from accepted to delivered',
    ticks: spanTicks,
    spansGaps: true,
    series: [
      { key: 'latencyP50Ms', join: 'mean', name: 'Half within' },
      { key: 'latencyP95Ms', join: 'most', name: '95 % within', dash: [6, 4] },
    ],
    text: span,
  },
  {
    title: 'Queue',
    unit: 'messages waiting',
    ticks: counts,
    series: [{ key: 'queued', join: 'most', name: 'Queued' }],
    text: rate,
  },
];

/** The plots of the overview: each is created once and then updated. */
export function overviewPlots(context: PageContext): (history: ShownHistory) => TemplateResult {
  const figures = specs.map((spec) => plotFigure(spec, context));
  return (history) => html`<div class="plots">${figures.map((figure) => figure(history))}</div>`;
}
