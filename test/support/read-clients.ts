import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from './external.ts';

/** Where a mail program finds the bridge, and who it is. */
export interface ReadLogin {
  readonly protocol: 'imap' | 'pop3';
  readonly security: 'starttls' | 'tls';
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** PEM file of the authority to trust. */
  readonly authorityFile: string;
}

/** What a program that fetches mail brought. */
export interface Fetched {
  readonly result: ProgramResult;
  /** The messages as the program left them, octets as latin1, in no order. */
  readonly messages: readonly string[];
}

/** A program that fetches the messages of INBOX. */
export interface MailFetcher {
  readonly name: string;
  /** The programs it needs; none for what is installed with the project. */
  readonly programs: readonly string[];
  /** Modules that its Perl needs. */
  readonly perlModules?: readonly string[];
  readonly protocols: readonly ('imap' | 'pop3')[];
  /** TLS from the first byte can be had with every one. */
  readonly starttls: boolean;
  /** Where it can send no other passwords. */
  readonly asciiPasswordsOver?: readonly ('imap' | 'pop3')[];
  /** It brings a message once, though the message stays. */
  readonly remembers?: boolean;
  /** Header fields that it adds. Where there are any, it writes lines with LF. None: it gives the octets as they are. */
  readonly adds?: RegExp;
  /**
   * @param folder its own, kept from one run to the next
   * @param seconds it may take; default 25
   */
  fetch(login: ReadLogin, folder: string, afterwards: 'keep' | 'delete', seconds?: number): Promise<Fetched>;
}

/**
 * Runs a program with a home folder of its own, in a locale of UTF-8; whatever happens, it does not outlive its test.
 * @param input for its standard input
 * @param seconds it may take
 */
export function runAtHome(
  home: string,
  command: readonly string[],
  input?: string,
  seconds = 25,
): Promise<ProgramResult> {
  const environment = [`HOME=${home}`, 'LC_ALL=C.UTF-8', 'TERM=xterm'];
  return runProgram('timeout', [String(seconds), 'env', ...environment, ...command], input);
}

/** A folder inside another, with nothing in it. */
export function freshFolder(parent: string, name: string): Promise<string> {
  return mkdtemp(join(parent, `${name}-`));
}

/** A process may not have more open. */
const openAtOnce = 200;

/** Every file of a folder, octets as latin1. */
export async function readFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const contents: string[] = [];
  for (let at = 0; at < names.length; at += openAtOnce) {
    const some = names.slice(at, at + openAtOnce);
    contents.push(...(await Promise.all(some.map(({ name }) => readFile(join(folder, name), 'latin1')))));
  }
  return contents;
}

/** A text in quotes of the kind in which a backslash takes the meaning from what follows. */
export function quoted(text: string, quote: '"' | "'" = '"'): string {
  return `${quote}${text.replaceAll(/["'\\]/g, (each) => (each === '\\' || each === quote ? `\\${each}` : each))}${quote}`;
}

/** A shell command that puts what it is given into a file of its own. */
export function fileEach(folder: string): string {
  return `cat > "$(mktemp ${folder}/XXXXXXXX)"`;
}
