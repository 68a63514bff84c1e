import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import type { DemoHops } from './hops.ts';
import { newestByPop3 } from './newest-by-pop3.ts';

/** What the demo's clients log in with. */
export const demoPassword = 'demo-password';

export interface DemoPorts {
  readonly smtp: number;
  readonly imap: number;
  readonly pop3: number;
}

interface Walk {
  readonly hops: DemoHops;
  readonly ports: DemoPorts;
  readonly ca: string;
  readonly from: string;
  readonly to: string;
}

const host = '127.0.0.1';

/**
 * Sends a message by each way and reads it back by each protocol.
 * @returns the hop that failed, if one did
 */
export async function sendAndReadBack(
  hops: DemoHops,
  ports: DemoPorts,
  authorityFile: string,
  from: string,
): Promise<string | undefined> {
  const to = from.replace(/^[^@]+/, 'alice');
  const walk: Walk = { hops, ports, from, to, ca: await readFile(authorityFile, 'utf8') };
  let hop = '';
  const at = async <T>(name: string, run: () => Promise<T>, describe?: (result: T) => string): Promise<T> => {
    hop = name;
    return await hops.step(name, run, describe);
  };
  try {
    for (const [username, way] of [
      ['scanner', 'Microsoft Graph sendMail'],
      ['erp', 'Exchange Online SMTP, XOAUTH2'],
    ] as const) {
      hops.heading(`A message of "${username}", by ${way}`);
      const subject = `Hello from ${username}, ${new Date().toISOString()}`;
      const id = await at(
        'SMTP with STARTTLS and AUTH to the bridge',
        () => submit(walk, username, subject),
        (queued) => `accepted as ${queued}`,
      );
      await at(
        `bridge to ${way}`,
        () => hops.logged(id, 'delivered'),
        () => `delivered to ${to}`,
      );
      await at(
        'IMAP through the bridge',
        () => readByImap(walk, subject),
        (size) => `read back, ${size} octets`,
      );
      await at(
        'POP3 through the bridge',
        () => readByPop3(walk, subject),
        () => 'read back',
      );
    }
    return undefined;
  } catch {
    return hop;
  }
}

/** @returns the queue id */
async function submit({ ports, ca, from, to }: Walk, username: string, subject: string): Promise<string> {
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

async function readByImap({ ports, ca }: Walk, subject: string): Promise<number> {
  const client = new ImapFlow({
    host,
    port: ports.imap,
    secure: false,
    doSTARTTLS: true,
    tls: { ca },
    auth: { user: 'alice', pass: demoPassword },
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

async function readByPop3({ ports }: Walk, subject: string): Promise<true> {
  const login = { host, port: ports.pop3, username: 'alice-pop3', password: demoPassword };
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
