import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgramResult } from './external.ts';
import {
  fileEach,
  freshFolder,
  type MailFetcher,
  quoted,
  type ReadLogin,
  readFiles,
  runAtHome,
} from './read-clients.ts';
import { Maildir } from './read-clients-maildir.ts';

/** fetchmail, passing each message to a program. */
export const fetchmail: MailFetcher = {
  name: 'fetchmail',
  programs: ['fetchmail'],
  protocols: ['imap', 'pop3'],
  starttls: true,
  remembers: true,
  adds: /^(?:Received|Return-Path)$/,
  async fetch({ protocol, security, port, username, password, authorityFile }, folder, afterwards, seconds) {
    const mail = await freshFolder(folder, 'mail');
    const settings = `
set invisible
set idfile ${join(folder, 'ids')}
set pidfile ${join(folder, 'pid')}
poll localhost service ${port} protocol ${protocol} ${protocol === 'pop3' ? 'uidl' : ''}
  user ${quoted(username, "'")} there with password ${quoted(password, "'")}
  sslproto "auto" ${security === 'tls' ? 'ssl' : ''} sslcertck sslcertfile "${authorityFile}"
  mda '${fileEach(mail)}'
  no rewrite ${afterwards === 'keep' ? 'keep' : 'no keep'}
`;
    await writeFile(join(folder, 'fetchmailrc'), settings, { mode: 0o600 });
    const result = await runAtHome(
      folder,
      ['fetchmail', '--nodetach', '-v', '-f', join(folder, 'fetchmailrc')],
      '',
      seconds,
    );
    // 1 means that there was nothing new.
    return { result: result.code === 1 ? { ...result, code: 0 } : result, messages: await readFiles(mail) };
  },
};

/** Lets fetchmail wait for mail. @returns its dialogue as soon as it matches, and one line more */
export async function fetchmailUntil(what: RegExp, folder: string, login: ReadLogin): Promise<string> {
  const { port, username, password, authorityFile } = login;
  const settings = `
set invisible
set idfile ${join(folder, 'ids')}
set pidfile ${join(folder, 'pid')}
poll localhost service ${port} protocol imap
  user ${quoted(username, "'")} there with password ${quoted(password, "'")}
  ssl sslcertck sslcertfile "${authorityFile}" mda 'cat > /dev/null' no rewrite keep idle
`;
  await writeFile(join(folder, 'fetchmailrc'), settings, { mode: 0o600 });
  const env = { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' };
  const child = spawn('fetchmail', ['--nodetach', '-v', '-f', join(folder, 'fetchmailrc')], { env, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = what.exec(output);
      if (found && output.indexOf('\n', output.indexOf('\n', found.index) + 1) > 0) child.kill();
    });
  }
  await once(child, 'close');
  const found = what.exec(output);
  if (!found) throw new Error(`fetchmail ended: ${output}`);
  return output.slice(found.index);
}

/** getmail, passing each message to a program. It supports TLS only from the first byte. */
export const getmail: MailFetcher = {
  name: 'getmail',
  programs: ['getmail'],
  protocols: ['imap', 'pop3'],
  starttls: false,
  asciiPasswordsOver: ['imap'],
  remembers: true,
  adds: /^(?:Return-Path|X-getmail-retrieved-from-mailbox)$/,
  async fetch({ protocol, port, username, password, authorityFile }, folder, afterwards, seconds) {
    const settings = (mail: string) => `
[retriever]
type = ${protocol === 'imap' ? 'SimpleIMAPSSLRetriever' : 'SimplePOP3SSLRetriever'}
server = localhost
port = ${port}
username = ${username}
password = ${password}
ca_certs = ${authorityFile}
[destination]
type = MDA_external
path = /bin/sh
arguments = ('-c', '${fileEach(mail)}')
allow_root_commands = true
[options]
read_all = false
delete = ${afterwards === 'delete'}
received = false
delivered_to = false
`;
    // With thousands of deliveries it misses the end of one, a child process of its own, and gives up: it remembers nothing of
    // that run then.
    for (let times = 1; ; times++) {
      const mail = await freshFolder(folder, 'mail');
      await writeFile(join(folder, 'getmailrc'), settings(mail), { mode: 0o600 });
      const result = await runAtHome(folder, ['getmail', `--getmaildir=${folder}`, '--rcfile=getmailrc'], '', seconds);
      if (!result.output.includes('waiting child pid') || times === 20) {
        return { result, messages: await readFiles(mail) };
      }
    }
  },
};

/** The program in a terminal, with scripted keys. */
function inTerminal(program: 'mutt' | 'neomutt'): MailFetcher {
  return {
    name: program,
    programs: [program, 'script'],
    protocols: ['imap', 'pop3'],
    starttls: true,
    adds: /^(?:Status|Content-Length|Lines)$/,
    async fetch(login, folder, afterwards, seconds) {
      const mail = await freshFolder(folder, 'mail');
      const maildir = await Maildir.make(mail);
      const how = afterwards === 'delete' ? '<save-message>' : '<copy-message>';
      const keys = `<tag-pattern>~A<enter><tag-prefix>${how}${mail}<enter><quit>`;
      const result = await pressInMutt(login, folder, keys, program, seconds);
      return { result, messages: (await maildir.messages()).map(({ content }) => content) };
    },
  };
}

export const mutt = inTerminal('mutt');

/** With its caches. */
export const neomutt = inTerminal('neomutt');

/** Opens INBOX in mutt, or in NeoMutt with its caches, and presses keys. */
export async function pressInMutt(
  login: ReadLogin,
  folder: string,
  keys: string,
  program: 'mutt' | 'neomutt' = 'mutt',
  seconds?: number,
) {
  const { protocol, security, port, username, password, authorityFile } = login;
  const scheme = { imap: 'imap', pop3: 'pop' }[protocol];
  const server = `${scheme}${security === 'tls' ? 's' : ''}://localhost:${port}/`;
  const settings = `
set folder=${protocol === 'imap' ? server : folder}
set spoolfile=${protocol === 'imap' ? `${server}INBOX` : server}
set ${scheme}_user=${quoted(username)}
set ${scheme}_pass=${quoted(password)}
set ssl_starttls=yes
set ssl_force_tls=yes
set ssl_ca_certificates_file=${authorityFile}
set mbox_type=Maildir
set confirmappend=no confirmcreate=no
set delete=yes pop_delete=yes quit=yes
set mark_old=no sleep_time=0
${program === 'neomutt' ? neomuttCaches(folder) : ''}`;
  const file = join(folder, 'muttrc');
  await writeFile(file, settings, { mode: 0o600 });
  // Without a terminal, mutt can only write mail.
  const command = `${program} -n -F '${file}' -e 'push "${keys}"'`;
  return await runAtHome(folder, ['script', '-qec', command, '/dev/null'], undefined, seconds);
}

/** What NeoMutt keeps between runs: headers by UID and modification sequence, and messages. */
function neomuttCaches(folder: string): string {
  return `set header_cache=${join(folder, 'headers')} message_cachedir=${join(folder, 'messages')} imap_qresync=yes\n`;
}

/** curl, requesting the list and then each message. */
export const curl: MailFetcher = {
  name: 'curl',
  programs: ['curl'],
  protocols: ['imap', 'pop3'],
  starttls: true,
  async fetch(login, folder, afterwards, seconds) {
    const mail = await freshFolder(folder, 'mail');
    const { protocol, security, port, username, password, authorityFile } = login;
    const base = `${protocol}${security === 'tls' ? 's' : ''}://localhost:${port}`;
    const run = (...settings: string[]) => {
      const common = ['--silent', '--show-error', '--ssl-reqd', '--cacert', authorityFile];
      const command = ['curl', ...common, '--user', `${username}:${password}`, '--config', '-'];
      // For a large mailbox they do not fit on a command line.
      return runAtHome(folder, command, settings.join('\n'), seconds);
    };
    const url = (path: string) => `url = ${quoted(`${base}/${path}`)}`;
    const list = await run(url(protocol === 'imap' ? 'INBOX?ALL' : ''));
    const numbers =
      protocol === 'pop3' || list.output.length < longestOfCurl
        ? list.output.match(protocol === 'imap' ? /\d+/g : /^\d+/gm)
        : await run(url('INBOX'), `request = ${quoted('STATUS INBOX (MESSAGES)')}`).then(upTo);
    if (list.code !== 0 || numbers === null) return { result: list, messages: [] };
    const urlOf = (number: string) => url(protocol === 'imap' ? `INBOX;MAILINDEX=${number}` : number);
    const result = await run(...numbers.flatMap((each) => [`output = ${quoted(join(mail, each))}`, urlOf(each)]));
    const messages = await readFiles(mail);
    if (result.code !== 0 || afterwards === 'keep') return { result, messages };
    const deleted =
      protocol === 'imap'
        ? await runAll(
            () => run(url('INBOX'), `request = ${quoted('STORE 1:* +FLAGS \\Deleted')}`),
            () => run(url('INBOX'), 'request = EXPUNGE'),
          )
        : await run('request = DELE', 'list-only', ...numbers.map(urlOf));
    return { result: deleted, messages };
  },
};

/** It silently ignores the rest of a longer line. */
const longestOfCurl = 15_000;

function upTo({ output }: ProgramResult): string[] {
  const count = Number(/MESSAGES (\d+)/.exec(output)?.[1]);
  return Array.from({ length: count }, (_, at) => String(at + 1));
}

async function runAll<T extends { readonly code: number | null }>(...steps: (() => Promise<T>)[]): Promise<T> {
  let last: T | undefined;
  for (const step of steps) {
    last = await step();
    if (last.code !== 0) break;
  }
  if (last === undefined) throw new Error('nothing to run');
  return last;
}

/** A program that synchronizes Maildirs with the bridge's folders in both directions. */
export interface Synchronizer {
  /** The folder with a Maildir for each folder. */
  readonly maildir: string;
  /** @param seconds time limit */
  sync(seconds?: number): Promise<ProgramResult>;
}

/** OfflineIMAP. */
export class OfflineImap implements Synchronizer {
  readonly maildir: string;
  readonly #folder: string;
  readonly #login: ReadLogin;

  constructor(folder: string, login: ReadLogin) {
    this.#folder = folder;
    this.#login = login;
    this.maildir = join(folder, 'mail');
  }

  async sync(seconds?: number) {
    const { security, port, username, password, authorityFile } = this.#login;
    const settings = `
[general]
accounts = bridge
metadata = ${join(this.#folder, 'metadata')}
ui = basic
socktimeout = 20
[Account bridge]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = ${this.maildir}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = ${port}
ssl = ${security === 'tls' ? 'yes' : 'no'}
starttls = ${security === 'tls' ? 'no' : 'yes'}
sslcacertfile = ${authorityFile}
auth_mechanisms = PLAIN
remoteuser = ${username}
remotepass = ${password.replaceAll('%', '%%')}
`;
    await writeFile(join(this.#folder, 'offlineimaprc'), settings, { mode: 0o600 });
    const command = ['offlineimap', '-o', '-c', join(this.#folder, 'offlineimaprc')];
    return await runAtHome(this.#folder, command, undefined, seconds);
  }
}

/** mbsync, from the isync package. */
export class Mbsync implements Synchronizer {
  readonly maildir: string;
  readonly #folder: string;
  readonly #login: ReadLogin;
  readonly #patterns: string;

  /** @param patterns of the folders to synchronize */
  constructor(folder: string, login: ReadLogin, patterns = '*') {
    this.#folder = folder;
    this.#login = login;
    this.#patterns = patterns;
    this.maildir = join(folder, 'mail');
  }

  /** @param seconds time limit */
  async sync(seconds?: number) {
    const { security, port, username, password, authorityFile } = this.#login;
    const settings = `
IMAPAccount bridge
Host localhost
Port ${port}
User ${quoted(username)}
Pass ${quoted(password)}
SSLType ${security === 'tls' ? 'IMAPS' : 'STARTTLS'}
CertificateFile ${authorityFile}

IMAPStore far
Account bridge

MaildirStore near
Path ${this.maildir}/
Inbox ${this.maildir}/INBOX
SubFolders Verbatim

Channel mail
Far :far:
Near :near:
Patterns ${this.#patterns}
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
`;
    await mkdir(this.maildir, { recursive: true });
    await writeFile(join(this.#folder, 'mbsyncrc'), settings, { mode: 0o600 });
    const command = ['mbsync', '-V', '-c', join(this.#folder, 'mbsyncrc'), '-a'];
    return await runAtHome(this.#folder, command, undefined, seconds);
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true });
  }
}
