import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import type { MailFetcher, ReadLogin } from './read-clients.ts';

/*
 * Graphical mail programs, which no test can start: what they send to a server, and how they use the answers, according
 * to their protocol logs. Each keeps what it has of a folder and continues from there.
 */

/** One response: its line, with a placeholder for each literal. */
interface Response {
  readonly line: string;
  readonly literals: readonly string[];
}

const literalMark = '\0';

/** Sends commands and parses the responses; octets are latin1. */
class Wire {
  readonly #socket: TLSSocket;
  #read = '';
  #count = 0;
  #wake = (): void => {};

  private constructor(socket: TLSSocket) {
    this.#socket = socket.setEncoding('latin1').on('data', (text: string) => {
      this.#read += text;
      this.#wake();
    });
    socket.on('close', () => this.#wake()).on('error', () => {});
  }

  static async open({ port, authorityFile }: ReadLogin): Promise<Wire> {
    const socket = connect({ host: 'localhost', port, ca: await readFile(authorityFile) });
    const wire = new Wire(socket);
    await wire.#response();
    return wire;
  }

  /** @returns the untagged responses @throws if it is refused or the connection ends */
  async command(text: string): Promise<Response[]> {
    const tag = `${++this.#count}`;
    this.#socket.write(`${tag} ${text}\r\n`);
    const untagged: Response[] = [];
    for (;;) {
      const response = await this.#response();
      if (response.line.startsWith(`${tag} OK`)) return untagged;
      if (response.line.startsWith(`${tag} `)) throw new Error(`${text}: ${response.line}`);
      untagged.push(response);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #response(): Promise<Response> {
    const literals: string[] = [];
    let line = '';
    for (;;) {
      const end = await this.#found(() => this.#read.indexOf('\r\n'), -1);
      const part = this.#take(end + 2).slice(0, -2);
      const size = /\{(\d+)\}$/.exec(part)?.[1];
      if (size === undefined) return { line: line + part, literals };
      line += part.slice(0, -size.length - 2) + literalMark;
      await this.#found(() => this.#read.length >= Number(size), false);
      literals.push(this.#take(Number(size)));
    }
  }

  #take(length: number): string {
    const taken = this.#read.slice(0, length);
    this.#read = this.#read.slice(length);
    return taken;
  }

  async #found<Found>(look: () => Found, nothing: Found): Promise<Found> {
    for (;;) {
      const found = look();
      if (found !== nothing) return found;
      if (this.#socket.closed) throw new Error('The connection has ended.');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** What a program has of a folder. */
interface KeptFolder {
  uidValidity: string;
  highestModseq: string;
  /** By UID: the subject shown in the list, and the message if it was loaded. */
  messages: Record<string, { flags: string; subject?: string; content?: string }>;
}

/** The peculiarities of one program. */
interface Habits {
  readonly name: string;
  logIn(wire: Wire, login: ReadLogin): Promise<void>;
  readonly select: string;
  /** Lists every message. */
  readonly listAll: string;
  /** Lists what has changed since, if the program supports that. */
  listChanged?(modseq: string): string;
  readonly headers: string;
  readonly headersAtOnce: number;
  readonly content: string;
  readonly contentsAtOnce: number;
}

const thunderbird: Habits = {
  name: "Thunderbird's habits",
  async logIn(wire, { username, password }) {
    await wire.command('capability');
    await wire.command(`authenticate PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`);
    await wire.command('ID ("name" "Thunderbird" "version" "140.5.0")');
    await wire.command('enable UTF8=ACCEPT');
    await wire.command('namespace');
    await wire.command('list (subscribed) "" "*" return (special-use)');
  },
  select: 'select "INBOX" (CONDSTORE)',
  listAll: 'UID fetch 1:* (FLAGS)',
  listChanged: (modseq) => `UID fetch 1:* (FLAGS) (CHANGEDSINCE ${modseq})`,
  headers:
    'UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)]',
  headersAtOnce: 200,
  content: 'UID RFC822.SIZE BODY.PEEK[]',
  contentsAtOnce: 10,
};

const outlook: Habits = {
  name: "Outlook's habits",
  async logIn(wire, { username, password }) {
    await wire.command('CAPABILITY');
    await wire.command(`LOGIN "${username}" "${password.replaceAll(/["\\]/g, '\\$&')}"`);
    await wire.command('ID ("name" "Microsoft Outlook" "version" "16.0")');
    await wire.command('LIST "" ""');
    await wire.command('LIST "" "*"');
    await wire.command('LSUB "" "*"');
  },
  select: 'SELECT "INBOX"',
  listAll: 'UID FETCH 1:* (UID FLAGS)',
  headers:
    'BODY.PEEK[HEADER.FIELDS (References X-Ref X-Priority X-MSMail-Priority X-MSOESRec Newsgroups Message-ID In-Reply-To Content-Class)] ENVELOPE BODYSTRUCTURE RFC822.SIZE UID FLAGS INTERNALDATE',
  headersAtOnce: 50,
  content: 'UID BODY.PEEK[]',
  contentsAtOnce: 1,
};

function fetcherOf(habits: Habits): MailFetcher {
  return {
    ...{ name: habits.name, programs: [], protocols: ['imap'], starttls: false, remembers: true },
    async fetch(login, folder, _, seconds = 25) {
      const file = join(folder, 'kept.json');
      const kept = await readFile(file, 'utf8').then(
        (text) => JSON.parse(text) as KeptFolder,
        () => ({ uidValidity: '', highestModseq: '0', messages: {} }),
      );
      let failure: unknown;
      let wire: Wire | undefined;
      const late = setTimeout(() => wire?.close(), seconds * 1000);
      try {
        wire = await Wire.open(login);
        await habits.logIn(wire, login);
        await synchronize(wire, habits, kept);
        await wire.command('logout');
      } catch (error) {
        failure = error;
      }
      clearTimeout(late);
      wire?.close();
      await writeFile(file, JSON.stringify(kept));
      const messages = Object.values(kept.messages).flatMap(({ content }) => content ?? []);
      return { result: { code: failure === undefined ? 0 : 1, output: String(failure ?? '') }, messages };
    },
  };
}

async function synchronize(wire: Wire, habits: Habits, kept: KeptFolder): Promise<void> {
  const selected = await wire.command(habits.select);
  const told = (name: string) => found(selected, new RegExp(`^\\* OK \\[${name} (\\d+)\\]`));
  if (kept.uidValidity !== '' && kept.uidValidity !== told('UIDVALIDITY')) throw new Error('Another UIDVALIDITY.');
  kept.uidValidity = told('UIDVALIDITY');
  const count = Number(found(selected, /^\* (\d+) EXISTS/));
  const changed = kept.highestModseq === '0' ? undefined : habits.listChanged?.(kept.highestModseq);
  if (changed !== undefined) mark(kept, await wire.command(changed));
  // The changes do not include removed messages.
  if (changed === undefined || Object.keys(kept.messages).length !== count) await listAll(wire, habits, kept);
  kept.highestModseq = told('HIGHESTMODSEQ');
  await load(wire, kept, 'subject', habits.headers, habits.headersAtOnce);
  await load(wire, kept, 'content', habits.content, habits.contentsAtOnce);
}

async function listAll(wire: Wire, habits: Habits, kept: KeptFolder): Promise<void> {
  const listed = await wire.command(habits.listAll);
  mark(kept, listed);
  const there = new Set(listed.map(uidOf));
  for (const uid of Object.keys(kept.messages)) if (!there.has(uid)) delete kept.messages[uid];
}

function mark(kept: KeptFolder, responses: readonly Response[]): void {
  for (const response of responses) {
    const uid = uidOf(response);
    const flags = /FLAGS \(([^)]*)\)/.exec(response.line)?.[1];
    if (uid !== undefined && flags !== undefined) kept.messages[uid] = { ...kept.messages[uid], flags };
  }
}

/** Loads missing messages, newest first. */
async function load(
  wire: Wire,
  kept: KeptFolder,
  what: 'subject' | 'content',
  items: string,
  atOnce: number,
): Promise<void> {
  const missing = Object.keys(kept.messages).filter((uid) => kept.messages[uid]?.[what] === undefined);
  missing.sort((a, b) => Number(b) - Number(a));
  for (let at = 0; at < missing.length; at += atOnce) {
    const asked = missing.slice(at, at + atOnce).sort((a, b) => Number(a) - Number(b));
    for (const response of await wire.command(`UID FETCH ${asked.join(',')} (${items})`)) {
      const message = kept.messages[uidOf(response) ?? ''];
      const [literal] = response.literals;
      if (message === undefined || literal === undefined) continue;
      if (what === 'subject') message.subject = subjectIn(response);
      else message.content = agreed(literal, message.subject);
    }
  }
}

function subjectIn({ line, literals }: Response): string {
  return (
    /ENVELOPE \((?:NIL|"[^"]*") "([^"]*)"/.exec(line)?.[1] ?? /^Subject: (.*)\r$/m.exec(literals.join(''))?.[1] ?? ''
  );
}

/** Checks that the message matches the list. */
function agreed(content: string, subject: string | undefined): string {
  const has = /^Subject: (.*)\r$/m.exec(content)?.[1];
  if (has !== subject) throw new Error(`The list has ${subject}, the message ${has}.`);
  return content;
}

function uidOf({ line }: Response): string | undefined {
  return /^\* \d+ FETCH .*\bUID (\d+)/.exec(line)?.[1];
}

function found(responses: readonly Response[], pattern: RegExp): string {
  return responses.map(({ line }) => pattern.exec(line)?.[1]).find((text) => text !== undefined) ?? '';
}

export const thunderbirdsHabits = fetcherOf(thunderbird);
export const outlooksHabits = fetcherOf(outlook);
