import type { HopResult } from '../app/connections/check.ts';
import { visibleLine } from '../base/visible.ts';
import type { CliOutput } from './terminal/io.ts';

const marks = { ok: '✓', failed: '✗', skipped: '–' } as const;
const colours = { ok: '\u001b[32m', failed: '\u001b[31m', skipped: '\u001b[2m', warning: '\u001b[33m' } as const;
const endColour = '\u001b[0m';

const hopWidth = 14;
const targetWidth = 46;

/** Tells hops as they come, a line each, and below it what is wrong and how to fix it. */
export class CheckOutput {
  readonly #output: CliOutput;
  readonly #colour: boolean;
  #heading: string | undefined;

  constructor(output: CliOutput, colour: boolean) {
    this.#output = output;
    this.#colour = colour;
  }

  tell(result: HopResult): void {
    const heading = result.connection === undefined ? 'bridge' : `connection ${result.connection}`;
    if (heading !== this.#heading) {
      this.#output.write(`${this.#heading === undefined ? '' : '\n'}${heading}\n`);
      this.#heading = heading;
    }
    this.#output.write(this.#line(result));
    if (result.warning !== undefined) this.#below(`! ${result.warning}`, colours.warning);
    if (result.status !== 'failed') return;
    if (result.cause !== undefined) this.#below(result.cause, colours.failed);
    if (result.said !== undefined) this.#below(`Microsoft says: ${result.said}`);
    for (const [index, line] of (result.remedy ?? '').split('\n').entries()) {
      if (line !== '') this.#below(`${index === 0 ? '→' : ' '} ${line}`);
    }
    if (result.spreading)
      this.#below('  A change at Microsoft can take up to two hours to arrive: --wait waits for it.');
    const codes = [result.code, result.aadsts].filter((code) => code !== undefined);
    if (codes.length > 0) this.#below(`  (${codes.join(', ')})`);
  }

  #line({ status, hop, target, ms, detail }: HopResult): string {
    const time = status === 'skipped' ? '' : `${ms} ms`;
    const columns = `${hop.padEnd(hopWidth)} ${target.padEnd(targetWidth)} ${time.padStart(8)}`;
    const text = detail === undefined ? columns : `${columns}  ${detail}`;
    return `  ${this.#painted(marks[status], colours[status])} ${text.trimEnd()}\n`;
  }

  #below(text: string, colour?: string): void {
    this.#output.write(`      ${this.#painted(visibleLine(text), colour)}\n`);
  }

  #painted(text: string, colour: string | undefined): string {
    return this.#colour && colour !== undefined ? `${colour}${text}${endColour}` : text;
  }
}
