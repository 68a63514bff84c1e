import { PassThrough, Writable } from 'node:stream';
import { runCommand } from '../../src/cli/commands.ts';

const columns = 96;
const fontPx = 14;
const linePx = 20;
const edgePx = 18;
const barPx = 30;

/** Colours of a dark terminal, by the ECMA-48 codes that the commands use. */
const styles: Readonly<Record<string, string>> = {
  '1': 'font-weight:700',
  '2': 'fill:#8b949e',
  '31': 'fill:#ff7b72',
  '32': 'fill:#56d364',
  '33': 'fill:#e3b341',
  '36': 'fill:#76e3ea',
};

/** Runs a command line as in a colour terminal and draws its output. */
export async function drawCommand(shown: string, args: readonly string[]): Promise<string> {
  let written = '';
  const screen = () =>
    Object.assign(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          written += chunk.toString();
          done();
        },
      }),
      { isTTY: true, columns },
    );
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  await runCommand([...args], { stdin, stdout: screen(), stderr: screen(), env: { TERM: 'xterm-256color' } });
  // Keeps only the last text that overwrote a progress line.
  const lines = written
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\r\u001b[K').at(-1) ?? '');
  return svgOf(shown, lines);
}

function svgOf(command: string, lines: readonly string[]): string {
  const all = [`\u001b[2m$\u001b[22m \u001b[1m${command}\u001b[22m`, ...lines];
  const width = Math.ceil(columns * fontPx * 0.602) + 2 * edgePx;
  const height = all.length * linePx + barPx + 2 * edgePx;
  const rows = all.map((line, row) => {
    const y = barPx + edgePx + row * linePx + fontPx;
    return `<text x="${edgePx}" y="${y}" xml:space="preserve">${spansOf(line)}</text>`;
  });
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, i) => `<circle cx="${edgePx + 6 + i * 18}" cy="${barPx / 2 + 2}" r="5.5" fill="${fill}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(command)}</title>
<style>text{font:${fontPx}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3}</style>
<rect width="${width}" height="${height}" rx="10" fill="#0d1117" stroke="#30363d"/>
${dots.join('')}
${rows.join('\n')}
</svg>
`;
}

function spansOf(line: string): string {
  const active = new Set<string>();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return line.replaceAll(/\u001b\[(\d+)m|([^\u001b]+)/g, (_, code: string | undefined, text: string | undefined) => {
    if (text !== undefined) {
      const style = [...active].map((each) => styles[each]).join(';');
      return style === '' ? escaped(text) : `<tspan style="${style}">${escaped(text)}</tspan>`;
    }
    if (code === '39') for (const each of active) if (each.length === 2) active.delete(each);
    if (code === '22') for (const each of ['1', '2']) active.delete(each);
    if (code !== undefined && code in styles) active.add(code);
    return '';
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
