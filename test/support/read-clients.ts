import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from './external.ts';

/** How a mail program reaches the bridge and logs in. */
export interface ReadLogin {
  readonly protocol: 'imap' | 'pop3';
  readonly security: 'starttls' | 'tls';
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** PEM file of the authority to trust. */
  readonly authorityFile: string;
}

/** What a mail fetching program retrieved. */
export interface Fetched {
  readonly result: ProgramResult;
  /** The messages as the program stored them, octets as latin1, in any order. */
  readonly messages: readonly string[];
}

/** A program that fetches the messages of INBOX. */
export interface MailFetcher {
  readonly name: string;
  /** The programs it needs; empty if installed with the project. */
  readonly programs: readonly string[];
  /** Perl modules it needs. */
  readonly perlModules?: readonly string[];
  readonly protocols: readonly ('imap' | 'pop3')[];
  /** All of them support TLS from the first byte. */
  readonly starttls: boolean;
  /** The protocols over which it can send only ASCII passwords. */
  readonly asciiPasswordsOver?: readonly ('imap' | 'pop3')[];
  /** It fetches a message once, even if the message stays. */
  readonly remembers?: boolean;
  /** Header fields that it adds. If present, it writes lines with LF. Undefined: it returns the octets unchanged. */
  readonly adds?: RegExp;
  /**
   * @param folder its own, kept between runs
   * @param seconds time limit; default 25
   */
  fetch(login: ReadLogin, folder: string, afterwards: 'keep' | 'delete', seconds?: number): Promise<Fetched>;
}

/**
 * Runs a program with its own home folder, in a UTF-8 locale; it never outlives its test.
 * @param input for its standard input
 * @param seconds time limit
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

/** An empty folder inside another. */
export function freshFolder(parent: string, name: string): Promise<string> {
  return mkdtemp(join(parent, `${name}-`));
}

/** A process cannot open many more. */
const openAtOnce = 200;

/** Every file in a folder, octets as latin1. */
export async function readFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const contents: string[] = [];
  for (let at = 0; at < names.length; at += openAtOnce) {
    const some = names.slice(at, at + openAtOnce);
    contents.push(...(await Promise.all(some.map(({ name }) => readFile(join(folder, name), 'latin1')))));
  }
  return contents;
}

/** A text in quotes, with backslash escapes. */
export function quoted(text: string, quote: '"' | "'" = '"'): string {
  return `${quote}${text.replaceAll(/["'\\]/g, (each) => (each === '\\' || each === quote ? `\\${each}` : each))}${quote}`;
}

/** A shell command that writes each input to a new file. */
export function fileEach(folder: string): string {
  return `cat > "$(mktemp ${folder}/XXXXXXXX)"`;
}
