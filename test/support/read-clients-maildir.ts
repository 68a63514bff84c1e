import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The owner for files. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A message in a Maildir. */
export interface MaildirMessage {
  readonly file: string;
  /** Octets as latin1, lines as stored. */
  readonly content: string;
  readonly flags: readonly string[];
}

/** The letters after a file's name, in order (http://cr.yp.to/proto/maildir.html). */
const flagsByLetter = { D: '\\Draft', F: '\\Flagged', R: '\\Answered', S: '\\Seen', T: '\\Deleted' } as const;

const openAtOnce = 200;

let delivered = 0;

/** A Maildir, accessed independently of the program that works on it. */
export class Maildir {
  readonly path: string;
  readonly #owner: Owner | undefined;

  constructor(path: string, owner?: Owner) {
    this.path = path;
    this.#owner = owner;
  }

  static async make(path: string, owner?: Owner): Promise<Maildir> {
    for (const folder of ['.', 'cur', 'new', 'tmp']) {
      await mkdir(join(path, folder), { recursive: true });
      if (owner) await chown(join(path, folder), owner.uid, owner.gid);
    }
    return new Maildir(path, owner);
  }

  /** @param content octets as latin1 */
  async deliver(content: string): Promise<void> {
    const name = `${Math.floor(Date.now() / 1000)}.M${process.pid}Q${++delivered}.test`;
    const file = join(this.path, 'tmp', name);
    await writeFile(file, content, 'latin1');
    if (this.#owner) await chown(file, this.#owner.uid, this.#owner.gid);
    await rename(file, join(this.path, 'new', name));
  }

  /** In any order. */
  async messages(): Promise<readonly MaildirMessage[]> {
    const files = (await Promise.all(['cur', 'new'].map((part) => this.#list(part)))).flat();
    const messages: MaildirMessage[] = [];
    // A large Maildir has more files than a process can open.
    for (let at = 0; at < files.length; at += openAtOnce)
      messages.push(...(await Promise.all(files.slice(at, at + openAtOnce).map(readMessage))));
    return messages;
  }

  /** Sets exactly these flags on a message. */
  async setFlags({ file }: MaildirMessage, flags: readonly string[]): Promise<void> {
    const letters = Object.entries(flagsByLetter).filter(([, flag]) => flags.includes(flag));
    const name = file.replace(/^.*\//, '').replace(/:2,.*$/, '');
    await rename(file, join(this.path, 'cur', `${name}:2,${letters.map(([letter]) => letter).join('')}`));
  }

  async clear(): Promise<void> {
    for (const { file } of await this.messages()) await rm(file);
  }

  async #list(part: string): Promise<string[]> {
    return (await readdir(join(this.path, part))).map((name) => join(this.path, part, name));
  }
}

function flagsOf(file: string): string[] {
  const letters = /:2,(\w*)$/.exec(file)?.[1] ?? '';
  return Object.entries(flagsByLetter).flatMap(([letter, flag]) => (letters.includes(letter) ? [flag] : []));
}

async function readMessage(file: string): Promise<MaildirMessage> {
  return { file, content: await readFile(file, 'latin1'), flags: flagsOf(file) };
}
