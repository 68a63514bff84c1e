import { columnsOf, cutTo, padded } from './width.ts';

/** A column of a table. */
export interface Column<Row> {
  readonly heading: string;
  value(row: Row): string;
  readonly align?: 'left' | 'right';
  /** If a row has no room, values are cut to no fewer columns than this; default: they are never cut. */
  readonly least?: number;
  /** If a row still has no room, the column with the highest number is left out first; default: never. */
  readonly spare?: number;
  /** Colours a value, with the spaces beside it. */
  dress?(text: string, row: Row): string;
}

const gap = '  ';

/**
 * Rows as lines, below a line of headings unless all of these are empty. One row is one line, at any width.
 * @param width columns; may be infinite
 */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string[] {
  const all = columns.map((column) => {
    const cells = rows.map((row) => column.value(row));
    const dress = (text: string, row: number) => column.dress?.(text, rows[row] as Row) ?? text;
    return { ...column, dress, cells, columns: Math.max(...[column.heading, ...cells].map(columnsOf)) };
  });
  const shown = shrunk(fitting(all, width), width);
  const cell = (text: string, { columns: wide, align }: Measured) =>
    padded(cutTo(text, Math.max(1, wide)), wide, align);
  const line = (texts: readonly string[]) => texts.join(gap).trimEnd();
  const head = shown.some(({ heading }) => heading !== '') ? [line(shown.map((each) => cell(each.heading, each)))] : [];
  const body = rows.map((_, row) => line(shown.map((each) => each.dress(cell(each.cells[row] ?? '', each), row))));
  return [...head, ...body];
}

interface Measured {
  readonly heading: string;
  readonly align?: 'left' | 'right';
  readonly least?: number;
  readonly spare?: number;
  readonly cells: readonly string[];
  dress(text: string, row: number): string;
  readonly columns: number;
}

/** The columns that fit once their values are cut. */
function fitting(all: readonly Measured[], width: number): readonly Measured[] {
  const least = all.map(({ columns, least }) => Math.min(columns, least ?? columns));
  if (total(least) <= width) return all;
  const [goes] = all.filter(({ spare }) => spare !== undefined).toSorted((a, b) => (b.spare ?? 0) - (a.spare ?? 0));
  return goes === undefined
    ? all
    : fitting(
        all.filter((each) => each !== goes),
        width,
      );
}

/** The widest are cut first. */
function shrunk(shown: readonly Measured[], width: number): readonly Measured[] {
  const wide = shown.map(({ columns }) => columns);
  for (let over = total(wide) - width; over > 0; over--) {
    let widest: number | undefined;
    for (const [at, { least }] of shown.entries()) {
      const mayShrink = least !== undefined && (wide[at] ?? 0) > least;
      if (mayShrink && (widest === undefined || (wide[at] ?? 0) > (wide[widest] ?? 0))) widest = at;
    }
    if (widest === undefined) break;
    wide[widest] = (wide[widest] ?? 0) - 1;
  }
  return shown.map((each, at) => ({ ...each, columns: wide[at] ?? each.columns }));
}

function total(columns: readonly number[]): number {
  return columns.reduce((sum, each) => sum + each, 0) + gap.length * Math.max(0, columns.length - 1);
}
