import { styleText } from 'node:util';
import { takesColours } from '../../base/pretty-line.ts';
import { visibleLine } from '../../base/visible.ts';
import type { Environment } from '../../config/secrets.ts';
import type { CliOutput } from './io.ts';
import { type Column, tableLines } from './table.ts';
import { columnsOf, widthOf } from './width.ts';
import { wrapped, wrappedCommand } from './wrap.ts';

type Style = Parameters<typeof styleText>[0];

/** The marks of all commands, each with its colour. */
const marks = {
  ok: { sign: '✓', style: 'green' },
  failed: { sign: '✗', style: 'red' },
  warning: { sign: '!', style: 'yellow' },
  skipped: { sign: '–', style: 'dim' },
  remedy: { sign: '→', style: 'cyan' },
} as const satisfies Readonly<Record<string, { readonly sign: string; readonly style: Style }>>;

/** The mark of a line. */
export type Mark = keyof typeof marks;

const signs = new Map(Object.entries(marks).map(([mark, { sign }]) => [sign as string | undefined, mark as Mark]));

/** How a text is shown. */
export interface Shown {
  readonly mark?: Mark | undefined;
  /** Spaces before the mark or the text. */
  readonly indent?: number;
  /** Spaces before continuation lines; default: aligned with the beginning of the text. */
  readonly hanging?: number;
  readonly style?: Style;
}

/**
 * Where a command writes for people. It knows how wide the terminal is and whether it supports colours; control
 * characters in its input are shown, not executed.
 */
export class Screen {
  readonly #output: CliOutput;
  readonly #env: Environment;

  constructor(output: CliOutput, env: Environment) {
    this.#output = output;
    this.#env = env;
  }

  /** Columns; infinite without a terminal. Read each time, because a window changes its size. */
  get width(): number {
    return widthOf(this.#output, this.#env);
  }

  /** Whether there is a terminal, and its user does not refuse colours. */
  get colours(): boolean {
    return takesColours(this.#output, this.#env);
  }

  /**
   * Writes a text, breaking each line between words at the terminal's width. A line that begins with spaces or a mark
   * continues below what follows these.
   */
  say(text: string, shown: Shown = {}): void {
    this.#write(text.split('\n').flatMap((line) => this.#lines(line, shown)));
  }

  blank(): void {
    this.#output.write('\n');
  }

  /** Writes rows below one another; without rows nothing, not even headings. */
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], indent = 0): void {
    if (rows.length === 0) return;
    const visible = columns.map((column) => ({ ...column, value: (row: Row) => visibleLine(column.value(row)) }));
    this.#write(tableLines(visible, rows, this.width - indent).map((line) => ' '.repeat(indent) + line));
  }

  /** The mark as shown here, for a text that is composed elsewhere. */
  sign(mark: Mark): string {
    return this.paint(marks[mark].sign, marks[mark].style);
  }

  /** Writes a shell command in a form that can be pasted. */
  command(command: string, indent: number): void {
    this.#write(wrappedCommand(visibleLine(command), this.width, indent));
  }

  /** A column of marks. */
  marks<Row>(markOf: (row: Row) => Mark): Column<Row> {
    return {
      heading: '',
      value: (row) => marks[markOf(row)].sign,
      dress: (text, row) => this.paint(text, marks[markOf(row)].style),
    };
  }

  /** @param text without control characters */
  paint(text: string, style: Style): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }

  #lines(text: string, { mark, indent = 0, hanging, style }: Shown): string[] {
    const [own = '', blanks = '', sign] = /^( *)([✓✗!–→] )?/.exec(text) ?? [];
    const marked = mark ?? signs.get(sign?.trim());
    const first = ' '.repeat(indent) + blanks + (marked === undefined ? '' : `${this.sign(marked)} `);
    const rest = ' '.repeat(hanging ?? columnsOf(first));
    return wrapped(visibleLine(text.slice(own.length)), this.width, { first, rest }).map((line, at) => {
      const before = at === 0 ? first : rest;
      const words = line.slice(before.length);
      return style === undefined || words === '' ? line : before + this.paint(words, style);
    });
  }

  /** In one write, so that nothing comes in between. */
  #write(lines: readonly string[]): void {
    this.#output.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
  }
}
