import type { ShownHistory } from '../contract.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type uPlot from '../vendor/uplot/uPlot.esm.js';

export interface PlotSeries {
  /** In the history's `series`. */
  readonly key: string;
  readonly name: string;
  /** Lengths of line and gap: lines differ by more than colour. */
  readonly dash?: number[];
}

export interface PlotSpec {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly PlotSeries[];
  /** The history counts what happened in each step: it is shown per minute. */
  readonly isRate?: boolean;
  text(value: number): string;
}

type Values = readonly (number | null)[];

const heightPx = 190;

/** A plot with its legend, and its figures in words for those who do not see it. */
export function plotFigure(spec: PlotSpec, signal: AbortSignal): (history: ShownHistory) => TemplateResult {
  const box = document.createElement('div');
  box.className = 'plot';
  box.setAttribute('role', 'img');
  let chart: Promise<Chart> | undefined;
  return (history) => {
    const columns = spec.series.map(({ key }) => valuesOf(spec, history, key));
    box.setAttribute('aria-label', inWords(spec, columns));
    chart ??= openChart(box, spec, signal);
    void chart.then(({ show }) => show(timesOf(history, columns), columns));
    return html`<figure>
      <figcaption><b>${spec.title}</b> <span class="hint">${spec.unit}</span></figcaption>
      ${box}
      <ul class="legend">
        ${spec.series.map(
          ({ name, dash }, i) =>
            html`<li class="series-${i} ${dash ? ((dash[0] ?? 0) > 4 ? 'dashed' : 'dotted') : ''}">
              ${name} <b>${lastText(spec, columns[i] ?? [])}</b></li>`,
        )}
      </ul>
    </figure>`;
  };
}

function valuesOf({ isRate = false }: PlotSpec, { series, stepSeconds }: ShownHistory, key: string): Values {
  const values = series[key] ?? [];
  return isRate ? values.map((each) => (each === null ? null : (each * 60) / stepSeconds)) : values;
}

function timesOf({ from, stepSeconds }: ShownHistory, columns: readonly Values[]): number[] {
  const start = new Date(from).getTime() / 1_000;
  const steps = Math.max(0, ...columns.map(({ length }) => length));
  return Array.from({ length: steps }, (_, i) => start + i * stepSeconds);
}

const known = (values: Values) => values.filter((each) => each !== null);

function lastText({ text }: PlotSpec, values: Values): string {
  const last = known(values).at(-1);
  return last === undefined ? 'no data' : text(last);
}

function inWords(spec: PlotSpec, columns: readonly Values[]): string {
  const parts = spec.series.map(({ name }, i) => {
    const values = known(columns[i] ?? []);
    if (values.length === 0) return `${name}: no data`;
    return `${name}: now ${spec.text(values.at(-1) ?? 0)}, at most ${spec.text(Math.max(...values))}`;
  });
  return `${spec.title}, ${spec.unit}. ${parts.join('. ')}.`;
}

interface Chart {
  show(times: readonly number[], columns: readonly Values[]): void;
}

/** The library comes when the first plot is shown. */
async function openChart(box: HTMLElement, spec: PlotSpec, signal: AbortSignal): Promise<Chart> {
  const { default: UPlot } = await import('../vendor/uplot/uPlot.esm.js');
  let plot: uPlot | undefined;
  let data: uPlot.AlignedData = [[]];
  const open = () => {
    plot?.destroy();
    if (box.clientWidth > 0) plot = new UPlot(optionsOf(box, spec), data, box);
  };
  const resized = new ResizeObserver(() => {
    if (plot) plot.setSize({ width: box.clientWidth, height: heightPx });
    else open();
  });
  resized.observe(box);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', open, { signal });
  window.addEventListener('themechange', open, { signal });
  signal.addEventListener('abort', () => {
    resized.disconnect();
    plot?.destroy();
  });
  return {
    show(times, columns) {
      data = [[...times], ...columns.map((each) => [...each])];
      if (plot) plot.setData(data);
      else open();
    },
  };
}

function optionsOf(box: HTMLElement, { series, text }: PlotSpec): uPlot.Options {
  const style = getComputedStyle(box);
  // Colours are taken from elements: a custom property is not resolved to one.
  const legend = box.parentElement?.querySelectorAll('.legend li') ?? [];
  const colours = [...legend].map((each) => getComputedStyle(each, '::before').borderTopColor);
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: style.color, font, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map(clockText) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map(text) },
    ],
    series: [
      {},
      ...series.map(({ name, dash }, i) => ({
        label: name,
        stroke: colours[i] ?? style.color,
        width: 2,
        points: { show: false },
        ...(dash && { dash }),
      })),
    ],
  };
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/** Midnight is told by its day. */
function clockText(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : clock.format(at);
}
