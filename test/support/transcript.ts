import { type Duplex, duplexPair } from 'node:stream';
import { expect } from 'vitest';

/**
 * A dialogue to play against a server. Lines begin with `C: ` (sent by the client) or `S: ` (expected from the server);
 * `…` in a server's line matches anything; `S: <end>` expects the connection to end. Consecutive client lines are sent
 * together. `\r` `\n` `\0` `\t` and `\xNN` in a client's line are those octets; a line that ends in `\` is sent without
 * CRLF.
 */
export interface TranscriptOptions {
  /** Splits each of the client's writes after this many octets. */
  readonly cutAt?: number;
  /** Sends every octet separately. */
  readonly octetByOctet?: boolean;
}

interface Turn {
  readonly client: Buffer;
  readonly server: readonly string[];
}

/** Plays a dialogue. @returns what the server has sent so far beyond the script */
export async function play(client: Duplex, script: string, options: TranscriptOptions = {}): Promise<void> {
  const lines = new ReceivedLines(client);
  for (const turn of turnsOf(script)) {
    await send(client, turn.client, options);
    for (const expected of turn.server) {
      const line = await lines.next();
      if (expected === '<end>') expect(line ?? '<end>').toBe('<end>');
      else if (line === undefined) throw new Error(`The server ended the connection instead of saying: ${expected}`);
      else expect(line).toMatch(patternOf(expected));
    }
  }
  lines.stop();
}

/** Plays a dialogue on a new connection, served by `serve`. */
export async function playAgainst(
  serve: (socket: Duplex) => unknown,
  script: string,
  options: TranscriptOptions = {},
): Promise<void> {
  const [client, server] = duplexPair();
  client.on('error', () => {});
  const served = serve(server);
  try {
    await play(client, script, options);
  } finally {
    client.destroy();
    server.destroy();
    await served;
  }
}

/** Octets of the client's longest write: splitting beyond that makes no difference. */
export function longestTurn(script: string): number {
  return Math.max(...turnsOf(script).map(({ client }) => client.length));
}

function turnsOf(script: string): Turn[] {
  const turns: { client: Buffer[]; server: string[] }[] = [{ client: [], server: [] }];
  for (const raw of script.split('\n')) {
    const line = raw.trimStart();
    if (line === '') continue;
    const last = turns.at(-1)!;
    if (line.startsWith('S: ')) last.server.push(line.slice(3));
    else if (line === 'S:') last.server.push('');
    else if (line.startsWith('C:')) {
      const text = octetsOf(line.slice(3));
      if (last.server.length > 0) turns.push({ client: [text], server: [] });
      else last.client.push(text);
    } else throw new Error(`A line of the script is neither C: nor S: ${line}`);
  }
  return turns.map(({ client, server }) => ({ client: Buffer.concat(client), server }));
}

function octetsOf(text: string): Buffer {
  const open = text.endsWith('\\');
  const body = (open ? text.slice(0, -1) : text).replace(/\\(r|n|0|t|x[0-9a-f]{2})/g, (_, code: string) => {
    const plain: Record<string, string> = { r: '\r', n: '\n', '0': '\0', t: '\t' };
    return plain[code] ?? `\ue000${code.slice(1)}`;
  });
  // Octets beyond ASCII are marked, so that the text itself can contain UTF-8.
  const parts = body
    .split(/(\ue000[0-9a-f]{2})/)
    .map((part) => (part.startsWith('\ue000') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part)));
  return Buffer.concat([...parts, Buffer.from(open ? '' : '\r\n')]);
}

async function send(client: Duplex, octets: Buffer, options: TranscriptOptions): Promise<void> {
  const pieces = options.octetByOctet
    ? Array.from(octets, (_, at) => octets.subarray(at, at + 1))
    : options.cutAt === undefined
      ? [octets]
      : [octets.subarray(0, options.cutAt), octets.subarray(options.cutAt)];
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    client.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

function patternOf(expected: string): RegExp {
  const source = expected.split('…').map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 's');
}

/** The server's lines, as they arrive. */
class ReceivedLines {
  readonly #stream: Duplex;
  #text = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  /** Undefined once the connection has ended. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return Buffer.from(line, 'latin1').toString();
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  stop(): void {
    this.#stream.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#text += chunk.toString('latin1');
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake?.();
  };
}
