import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A command without its tag, and its sender. */
export interface FakeImapCommand {
  readonly text: string;
  readonly socket: Socket;
}

/**
 * The server's response to a command instead of the usual one: complete lines except the tagged one; `silence` for
 * none.
 */
type Staged = (command: FakeImapCommand) => { untagged?: string; tagged?: string } | 'silence' | undefined;

/**
 * An IMAP server with one folder, without TLS, that accepts any token and can be made to answer as real servers
 * sometimes do.
 */
export class FakeImap {
  /** Content by UID. */
  readonly messages = new Map<number, string>();
  /** Removed by another client: still listed, but their bodies are NIL. */
  readonly vanished = new Set<number>();
  readonly deleted = new Set<number>();
  capabilities = 'IMAP4rev1 SASL-IR AUTH=XOAUTH2 UIDPLUS';
  /** Sent after the end of a message. */
  behindTheEnd = '""';
  /** Sent before every response to FETCH. */
  unasked = '';
  stage: Staged = () => undefined;
  /** Every command, without its tag. */
  readonly received: string[] = [];
  /** Tag of the most recent command. */
  lastTag = '';
  readonly sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));

  static async start(): Promise<FakeImap> {
    const fake = new FakeImap();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get endpoint() {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port, security: 'none' as const };
  }

  /** Commands that fetched a body, in order. */
  get bodyFetches(): string[] {
    return this.received.filter((text) => text.includes('BODY.PEEK[]'));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let unread = '';
    this.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    socket.write(`* OK [CAPABILITY ${this.capabilities}] ready\r\n`);
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1');
      for (let end = unread.indexOf('\r\n'); end >= 0; end = unread.indexOf('\r\n')) {
        const [tag = '', ...words] = unread.slice(0, end).split(' ');
        unread = unread.slice(end + 2);
        this.#answer(socket, tag, words.join(' '));
      }
    });
  }

  #answer(socket: Socket, tag: string, text: string): void {
    this.received.push(text);
    this.lastTag = tag;
    const staged = this.stage({ text, socket });
    if (staged === 'silence') return;
    const untagged = staged?.untagged ?? this.#untagged(text);
    socket.write(`${untagged}${tag} ${staged?.tagged ?? 'OK done'}\r\n`, 'latin1');
    if (text === 'LOGOUT') socket.end();
  }

  #untagged(text: string): string {
    const [name = '', ...rest] = text.replace(/^UID /, '').split(' ');
    if (name === 'CAPABILITY') return `* CAPABILITY ${this.capabilities}\r\n`;
    if (name === 'LIST') return '* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\n';
    if (name === 'SELECT' || name === 'EXAMINE') {
      return `* ${this.messages.size} EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [PERMANENTFLAGS (\\Deleted \\*)] kept\r\n`;
    }
    if (name === 'FETCH') return this.unasked + this.#fetch(rest[0] ?? '', rest.slice(1).join(' '));
    if (name === 'STORE') for (const uid of this.#named(rest[0] ?? '')) this.deleted.add(uid);
    if (name === 'EXPUNGE')
      this.#expunge(text.startsWith('UID') ? this.#named(rest[0] ?? '') : [...this.messages.keys()]);
    if (name === 'SEARCH') return `* SEARCH${this.#found(text)}\r\n`;
    return '';
  }

  #fetch(set: string, items: string): string {
    const partial = /BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?/.exec(items);
    const sequence = [...this.messages.keys()];
    return this.#named(set)
      .map((uid) => {
        const content = this.messages.get(uid) ?? '';
        const size = items.includes('RFC822.SIZE') ? ` RFC822.SIZE ${content.length}` : '';
        const [start, length] = [Number(partial?.[1] ?? 0), Number(partial?.[2] ?? Number.POSITIVE_INFINITY)];
        const body = partial ? ` BODY[]${partial[1] ? `<${start}>` : ''} ${this.#part(uid, start, length)}` : '';
        const fields = items.includes('HEADER') ? ` BODY[HEADER.FIELDS (X)] ${this.#part(uid, 0, 10_000)}` : '';
        return `* ${sequence.indexOf(uid) + 1} FETCH (UID ${uid}${size}${body}${fields})\r\n`;
      })
      .join('');
  }

  #part(uid: number, start: number, length: number): string {
    if (this.vanished.has(uid)) return 'NIL';
    const part = (this.messages.get(uid) ?? '').slice(start, start + length);
    return part === '' ? this.behindTheEnd : `{${part.length}}\r\n${part}`;
  }

  #named(set: string): number[] {
    const ranges = set.split(',').map((range) => range.split(':').map((end) => (end === '*' ? Infinity : Number(end))));
    return [...this.messages.keys()].filter((uid) => ranges.some(([from = 0, to = from]) => uid >= from && uid <= to));
  }

  #expunge(uids: readonly number[]): void {
    for (const uid of uids) if (this.deleted.has(uid)) this.messages.delete(uid);
  }

  #found(text: string): string {
    const uids = text.includes(' UID ') ? this.#named(text.split(' ').at(-1) ?? '') : [...this.messages.keys()];
    return uids.map((uid) => ` ${uid}`).join('');
  }
}
