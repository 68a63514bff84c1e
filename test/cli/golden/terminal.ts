import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { runCommand } from '../../../src/cli/commands.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { folder, steadyFolder } from './world.ts';

const question = /(?:\[y\/N\]|>|Password:|Passphrase[a-z ]*:|Again:) $/;
const hidden = /(?:Password|Passphrase[a-z ]*|Again): $/;
const toLineStart = '\r\u001b[K';

interface Typing {
  readonly typed?: string;
  readonly answers?: readonly string[];
  readonly meanwhile?: () => Promise<void>;
}

/** A terminal of a given width: what commands write to either output, in the order in which they write it. */
export class FakeTerminal {
  readonly width: number;
  #screen = '';
  #current = '';
  #answered = 0;
  #answer: (question: string) => void = () => {};
  readonly #waiting = new Set<() => void>();

  constructor(width: number) {
    this.width = width;
  }

  /** Everything shown, with the typed command lines. */
  get screen(): string {
    return this.#screen;
  }

  /**
   * Runs a command line to its end.
   * @param options what is typed beforehand or in answer to each question, and what happens elsewhere meanwhile
   */
  async run(args: readonly string[], { typed = '', answers = [], meanwhile }: Typing = {}): Promise<void> {
    this.#screen += `$ mailbridge ${args.join(' ')}\n`;
    this.#current = '';
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
    stdin.write(typed);
    this.#answer = (question) => {
      const line = answers[this.#answered++];
      if (line === undefined) stdin.end();
      else stdin.write(`${line}\n`);
      // Typed text is echoed, except a password.
      if (!hidden.test(question)) this.#screen += `${line ?? ''}\n`;
    };
    this.#answered = 0;
    const { stdout, stderr } = commandOutput(args);
    const io = {
      stdin,
      stdout: this.#shown(stdout),
      stderr: this.#shown(stderr),
      env: { NO_COLOR: '1', MAILBRIDGE_SETUP_PORT: '0' },
    };
    const [code] = await Promise.all([runCommand([...args], io), meanwhile?.()]);
    this.#screen += `[exit ${code}]\n\n`;
  }

  /** Waits until the running command's output matches. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#current);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #shown(stream: PassThrough): PassThrough {
    // Both outputs share one screen; their own events would come in another order.
    const write = stream.write.bind(stream);
    stream.resume();
    return Object.assign(stream, {
      isTTY: true,
      columns: this.width,
      write: (chunk: string | Buffer) => {
        const text = String(chunk);
        // An overwritten line is never read afterwards.
        if (text.startsWith(toLineStart)) this.#screen = this.#screen.replace(/[^\n]+$/, '');
        this.#screen += stripVTControlCharacters(text.replace(toLineStart, ''));
        this.#current += text;
        if (question.test(text)) this.#answer(text);
        for (const wake of this.#waiting) wake();
        this.#waiting.clear();
        return write(chunk);
      },
    });
  }
}

/** Replaces what differs from run to run with something of the same width. */
export function steady(screen: string): string {
  const ids = new Map<string, string>();
  const idOf = (id: string): string => {
    const known = ids.get(id) ?? `0m${String(ids.size + 1).padStart(id.length - 2, '0')}`;
    ids.set(id, known);
    return known;
  };
  return (
    screen
      .replaceAll(folder, steadyFolder)
      .replace(/(?:^[█▀▄ ]*[█▀▄]{3,}[█▀▄ ]*\n)+/gm, '(a QR code)\n')
      .replace(/^# Lets connection [\s\S]*?\n\n(?=Then:)/gm, '(the script)\n\n')
      .replace(/--port-base \d+/g, '--port-base PPPPP')
      .replace(/\b0m[0-9a-z]{12}\b/g, idOf)
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '11111111-2222-3333-4444-555555555555')
      .replace(/\b(127\.0\.0\.1|localhost|port)([: =])\d{4,5}\b/g, '$1$2PPPPP')
      .replace(/(\?)[A-Za-z_]+=\S+/g, '$1…')
      .replace(/\b20\d\d-\d\d-\d\d\b/g, '2026-01-05')
      .replace(/\b\d\d:\d\d:\d\d\.\d{3}\b/g, '10:15:00.123')
      .replace(/\d\d:\d\d:\d\d on \S+, by/g, '09:00:00 on server, by')
      .replace(/ {2,}\d+ ms/g, (text) => '12 ms'.padStart(text.length))
      .replace(/\s+\(\d+(?:\.\d)? ms\)/g, ' (12 ms)')
      .replace(/, \d+ ms/g, ', 12 ms')
      .replace(/ports \d+ to \d+/g, 'ports PPPPP to PPPPP')
      // The rest is on the same line or the next one, depending on the length of the number.
      .replace(/\bms=\d+(\n +)?/g, (_, next) => (next === undefined ? 'ms=12' : 'ms=12 '))
      .replace(/\b\d+ octets/g, '840 octets')
      .replace(/\b\d+ [GM]B free/g, '73 GB free')
      .replace(/^ {2}[A-Z\d]{9}$/gm, '  ABCD12345')
      .replace(/^( {2}password {2})\S+$/gm, '$1abcd-efgh-ijkl-mnop')
      .replace(/^(?:[a-z2-9]{4}-){6}[a-z2-9]{4}$/gm, 'abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456')
      .replace(/Sim-[0-9a-f]{8}/g, 'Sim-01234567')
      .replace(/\$scrypt\$\S+/g, '$scrypt$…')
      .replace(/(mailbridge-demo-)\w+/g, '$1XXXXXX')
      .replace(/(upstreamId=)\S+/g, '$1…')
      .replace(/\.(?:before|backup|bak)[-.]?\d[\dTZ-]*/g, '.backup')
      .replace(/\d+:\d\d left/g, '15:00 left')
  );
}
