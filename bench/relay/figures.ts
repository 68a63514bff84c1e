import type { Phase, Phases } from './measure.ts';

/** One relay in one round. */
export interface Measurement extends Phases {
  readonly relay: string;
  readonly round: number;
}

export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** The file system of the queues. */
  readonly fileSystem: string;
}

/** A whole run. */
export interface Report {
  readonly machine: Machine;
  readonly programs: Readonly<Record<string, string>>;
  readonly messages: number;
  readonly rounds: number;
  readonly measurements: readonly Measurement[];
}

const phases = ['accept', 'drain', 'through'] as const;
const reference = 'postfix';
const megabyte = 1024 * 1024;

/** One relay's round on one line. */
export function summarize(measured: Phases): string {
  const { median, p99 } = measured.dataMs;
  const times = `DATA ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  return [...phases.map(phaseText), times].join(', ');

  function phaseText(name: (typeof phases)[number]): string {
    const { messagesPerSecond, cpuSeconds, peakRssBytes, worstStallMs } = measured[name];
    const stall = worstStallMs === undefined ? '' : `, stalls ${worstStallMs.toFixed(0)} ms`;
    return `${name} ${messagesPerSecond.toFixed(0)}/s (${(peakRssBytes / megabyte).toFixed(0)} MB, ${cpuSeconds.toFixed(1)} s CPU${stall})`;
  }
}

/** The report for people: medians and their ratios to Postfix. */
export function printReport(report: Report): string {
  const { machine, measurements, messages, rounds } = report;
  const relays = Object.keys(report.programs);
  const rows = phases.flatMap((name) =>
    relays.map((relay) => {
      const median = (value: (phase: Phase) => number, of = relay) =>
        medianOf(measurements.filter((each) => each.relay === of).map((each) => value(each[name])));
      const rate = median((phase) => phase.messagesPerSecond);
      const ratio = relays.includes(reference)
        ? rate / median((phase) => phase.messagesPerSecond, reference)
        : Number.NaN;
      return [
        name,
        relay,
        rate.toFixed(0),
        Number.isNaN(ratio) ? '-' : ratio.toFixed(2),
        (median((phase) => phase.peakRssBytes) / megabyte).toFixed(0),
        (median((phase) => phase.peakPssBytes) / megabyte).toFixed(0),
        ((median((phase) => phase.cpuSeconds) * 1000) / messages).toFixed(2),
        stallText(median((phase) => phase.worstStallMs ?? Number.NaN)),
      ];
    }),
  );
  const head = [
    'phase',
    'relay',
    'messages/s',
    `to ${reference}`,
    'peak RSS MB',
    'peak PSS MB',
    'CPU ms/message',
    'worst stall ms',
  ];
  return [
    table([head, ...rows]),
    table([['DATA', 'relay', 'median ms', 'p99 ms'], ...dataRows(report)]),
    `Medians of ${rounds} rounds of ${messages} messages a phase. ${[...new Set(Object.values(report.programs))].join('; ')}.`,
    `${machine.cpus} CPUs (${machine.cpu}), ${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GB memory, ${machine.fileSystem}.`,
    '',
  ].join('\n');
}

/** A client's wait from its final dot to the reply: medians of the rounds. */
function dataRows({ programs, measurements }: Report): string[][] {
  return Object.keys(programs).map((relay) => {
    const own = measurements.filter((each) => each.relay === relay);
    const median = (of: 'median' | 'p99') => medianOf(own.map(({ dataMs }) => dataMs[of])).toFixed(1);
    return ['accept', relay, median('median'), median('p99')];
  });
}

function stallText(ms: number): string {
  return Number.isNaN(ms) ? '-' : ms.toFixed(0);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Markdown, aligned. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths.map((width, column) => (column < 2 ? `${'-'.repeat(width + 2)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...body.map(line), ''].join('\n');
}
