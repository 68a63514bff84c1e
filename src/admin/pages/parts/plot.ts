import type { HistorySeries, ShownHistory } from '../contract.ts';
import type { PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type uPlot from '../vendor/uplot/uPlot.esm.js';
import { condensed, type Join, type Values } from './condensed.ts';

export interface PlotSeries {
  readonly key: HistorySeries;
  readonly name: string;
  /** How merged steps become one value. */
  readonly join: Join;
  /** Lengths of line and gap, so that lines do not differ only by colour. */
  readonly dash?: number[];
}

export interface PlotSpec {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly PlotSeries[];
  /** Null means that there was nothing to measure, not that nothing is known: the line continues. */
  readonly spansGaps?: boolean;
  /** Distances between labelled values on the axis. */
  readonly ticks: number[];
  text(value: number): string;
  /** Follows a value in the legend if it is a rate: `/min`. */
  readonly per?: string;
}

const heightPx = 190;

/**
 * A plot with its legend, and its figures in words for those who do not see it. The legend shows the values under the
 * pointer, else the last ones.
 */
export function plotFigure(spec: PlotSpec, context: PageContext): (history: ShownHistory) => TemplateResult {
  const box = document.createElement('div');
  box.className = 'plot';
  box.setAttribute('role', 'img');
  let chart: Promise<Chart> | undefined;
  let drawn: ShownHistory | undefined;
  let pointed: number | undefined;
  const point = (at: number | undefined) => {
    pointed = at;
    context.redraw();
  };
  return (history) => {
    const { times, columns } = condensed(history, spec.series);
    if (history !== drawn) {
      drawn = history;
      box.setAttribute('aria-label', inWords(spec, columns));
      chart ??= openChart(box, spec, point, context.signal);
      void chart.then(({ show }) => show(times, columns));
    }
    const at = pointed === undefined ? undefined : times[pointed];
    return html`<figure>
      <figcaption><b>${spec.title}</b> <span class="hint">${at === undefined ? spec.unit : whole.format(at * 1_000)}</span></figcaption>
      ${box}
      <ul class="legend">
        ${spec.series.map(
          ({ name, dash }, i) =>
            html`<li class="series-${i} ${dash ? ((dash[0] ?? 0) > 4 ? 'dashed' : 'dotted') : ''}">
              ${name} <b>${valueText(spec, columns[i] ?? [], pointed)}</b></li>`,
        )}
      </ul>
    </figure>`;
  };
}

const known = (values: Values) => values.filter((each) => each !== null);

function valueText({ text, per = '' }: PlotSpec, values: Values, at: number | undefined): string {
  const value = at === undefined ? known(values).at(-1) : values[at];
  return value === undefined || value === null ? 'no data' : `${text(value)}${per}`;
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

/** The library is loaded when the first plot is shown. */
async function openChart(
  box: HTMLElement,
  spec: PlotSpec,
  point: (at: number | undefined) => void,
  signal: AbortSignal,
): Promise<Chart> {
  const { default: UPlot } = await import('../vendor/uplot/uPlot.esm.js');
  let plot: uPlot | undefined;
  let data: uPlot.AlignedData = [[]];
  const open = () => {
    plot?.destroy();
    if (box.clientWidth > 0) plot = new UPlot(optionsOf(box, spec, point), data, box);
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

function optionsOf(
  box: HTMLElement,
  { series, text, ticks, spansGaps = false }: PlotSpec,
  point: (at: number | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(box);
  // Colours are read from elements, because a custom property is not resolved to one.
  const legend = box.parentElement?.querySelectorAll('.legend li') ?? [];
  const colours = [...legend].map((each) => getComputedStyle(each, '::before').borderTopColor);
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: style.color, font, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? undefined)] },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 30, space: 80, values: (_, ticks) => ticks.map(clockText) },
      { ...axis, size: 56, incrs: ticks, values: (_, values) => values.map(text) },
    ],
    series: [
      {},
      ...series.map(({ name, dash }, i) => ({
        label: name,
        stroke: colours[i] ?? style.color,
        width: 2,
        spanGaps: spansGaps,
        // One or two values make no line.
        points: { show: ({ data }: uPlot, column: number) => known((data[column] ?? []) as Values).length < 3 },
        ...(dash && { dash }),
      })),
    ],
  };
}

const whole = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/** Midnight is shown as its day. */
function clockText(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : clock.format(at);
}
