import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import type { DemoHops } from './hops.ts';
import { newestByPop3 } from './newest-by-pop3.ts';

/** The password of the demo's clients. */
export const demoPassword = 'demo-password';

export interface DemoPorts {
  readonly smtp: number;
  readonly imap: number;
  readonly pop3: number;
}

/** Runs a step of the demo, and shows it. */
type Step = <T>(name: string, run: () => Promise<T>, describe?: (result: T) => string) => Promise<T>;

interface Walk {
  readonly hops: DemoHops;
  readonly ports: DemoPorts;
  readonly ca: string;
  readonly from: string;
  readonly to: string;
  /** The second mailbox of the account that has two. */
  readonly second: string;
  readonly at: Step;
}

/** A message, and the login that submits it. */
interface Submission {
  readonly username: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
}

const host = '127.0.0.1';

/**
 * Sends a message through each courier and reads it back over each protocol; then two as the two mailboxes of one
 * account.
 * @param mailboxes of the simulated tenant
 * @returns the hop that failed, if any
 */
export async function sendAndReadBack(
  hops: DemoHops,
  ports: DemoPorts,
  authorityFile: string,
  [from = '', to = '', second = '']: readonly string[],
): Promise<string | undefined> {
  let hop = '';
  const at: Step = async (name, run, describe) => {
    hop = name;
    return await hops.step(name, run, describe);
  };
  const walk: Walk = { hops, ports, from, to, second, at, ca: await readFile(authorityFile, 'utf8') };
  try {
    await oneMailbox(walk, 'scanner', 'Microsoft Graph sendMail');
    await oneMailbox(walk, 'erp', 'Exchange Online SMTP, XOAUTH2');
    await twoMailboxes(walk);
    return undefined;
  } catch {
    return hop;
  }
}

async function oneMailbox(walk: Walk, username: string, way: string): Promise<void> {
  const { hops, from, to, at } = walk;
  hops.heading(`A message of "${username}", by ${way}`);
  const subject = subjectOf(username);
  const id = await at(
    'SMTP with STARTTLS and AUTH to the bridge',
    () => submit(walk, { username, from, to, subject }),
    (queued) => `accepted as ${queued}`,
  );
  await at(
    `bridge to ${way}`,
    () => hops.logged(id, 'delivered'),
    () => `delivered to ${to}`,
  );
  await at(
    'IMAP through the bridge',
    () => readByImap(walk, 'alice', subject),
    (size) => `read back, ${size} octets`,
  );
  await at(
    'POP3 through the bridge',
    () => readByPop3(walk, 'alice-pop3', subject),
    () => 'read back',
  );
}

/** Each mailbox writes to the other; the sender determines which one sends, and the username which one is read. */
async function twoMailboxes(walk: Walk): Promise<void> {
  const { hops, from: first, second, at } = walk;
  hops.heading(`One account, two mailboxes: "demo" has ${first} and ${second}`);
  const subjects: Record<string, string> = {};
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    const subject = subjectOf(from);
    subjects[from] = subject;
    const id = await at(
      `SMTP as demo, MAIL FROM:<${from}>`,
      () => submit(walk, { username: 'demo', from, to, subject }),
      (queued) => `accepted as ${queued}`,
    );
    await at(
      'bridge to Microsoft Graph sendMail',
      () => hops.logged(id, 'delivered'),
      ({ mailbox }) => `sent as ${mailbox}`,
    );
  }
  await at(
    `IMAP as demo/${second}`,
    () => readByImap(walk, `demo/${second}`, subjects[first] ?? ''),
    () => `read what ${first} wrote`,
  );
  await at(
    'POP3 as demo',
    () => readByPop3(walk, 'demo', subjects[second] ?? ''),
    () => `read what ${second} wrote`,
  );
}

function subjectOf(who: string): string {
  return `Hello from ${who}, ${new Date().toISOString()}`;
}

/** @returns the queue id */
async function submit({ ports, ca }: Walk, { username, from, to, subject }: Submission): Promise<string> {
  const transport = createTransport({
    host,
    port: ports.smtp,
    requireTLS: true,
    tls: { ca },
    auth: { user: username, pass: demoPassword },
  });
  const text = 'An ordinary username and password, and still Microsoft 365.\n';
  const { response } = await transport.sendMail({ from, to, subject, text });
  transport.close();
  return /Queued as (\w+)/.exec(response)?.[1] ?? '';
}

async function readByImap({ ports, ca }: Walk, username: string, subject: string): Promise<number> {
  const client = new ImapFlow({
    host,
    port: ports.imap,
    secure: false,
    doSTARTTLS: true,
    tls: { ca },
    auth: { user: username, pass: demoPassword },
    logger: false,
  });
  await client.connect();
  try {
    await client.mailboxOpen('INBOX');
    return await untilFound(async () => {
      for await (const message of client.fetch('1:*', { envelope: true, source: true })) {
        if (message.envelope?.subject === subject) return message.source?.length;
      }
      return undefined;
    });
  } finally {
    await client.logout();
  }
}

async function readByPop3({ ports }: Walk, username: string, subject: string): Promise<true> {
  const login = { host, port: ports.pop3, username, password: demoPassword };
  return await untilFound(async () => (await newestByPop3(login))?.includes(subject) || undefined);
}

/** Asks until there is an answer: a mailbox may show a message a moment after it was accepted. */
async function untilFound<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 50; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(100);
  }
  throw new Error('the message is not there');
}
