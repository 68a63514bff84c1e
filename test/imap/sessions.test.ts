import { type Duplex, duplexPair } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { OpenFolder } from '../../src/mailbox/mail-store.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../support/imap-engine.ts';

/** A client that knows only what the server tells it. */
class BelievingClient {
  /** UIDs by sequence number, as far as the server told them. */
  readonly uids: (number | undefined)[] = [];
  readonly #stream: Duplex;
  #text = '';
  #wake = (): void => {};
  #commands = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk) => {
      this.#text += chunk;
      this.#wake();
    });
  }

  /** @returns how the command ended */
  async run(command: string): Promise<string> {
    const tag = `c${++this.#commands}`;
    const mayExpunge = !/^(?:FETCH|STORE|SEARCH|SORT|THREAD) /.test(command);
    this.#stream.write(`${tag} ${command}\r\n`);
    for (;;) {
      const line = await this.#line();
      if (line.startsWith(`${tag} `)) return line;
      if (/^\* \d+ EXPUNGE|^\* VANISHED/.test(line)) expect([command, mayExpunge]).toEqual([command, true]);
      this.#believe(line);
    }
  }

  #believe(line: string): void {
    const [, number = '', what, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)/.exec(line) ?? [];
    const at = Number(number) - 1;
    if (what === 'EXISTS') {
      expect(at + 1).toBeGreaterThanOrEqual(this.uids.length);
      while (this.uids.length <= at) this.uids.push(undefined);
    } else if (what === 'EXPUNGE') {
      expect(at).toBeLessThan(this.uids.length);
      this.uids.splice(at, 1);
    } else if (what === 'FETCH') {
      expect(at).toBeLessThan(this.uids.length);
      const uid = /UID (\d+)/.exec(rest)?.[1];
      if (uid !== undefined) {
        expect([undefined, Number(uid)]).toContain(this.uids[at]);
        this.uids[at] = Number(uid);
      }
    }
    for (const gone of /^\* VANISHED ([\d,:]+)/.exec(line)?.[1]?.split(',') ?? []) {
      const [from = 0, to = from] = gone.split(':').map(Number);
      for (let uid = from; uid <= to; uid++) {
        expect(this.uids).toContain(uid);
        this.uids.splice(this.uids.indexOf(uid), 1);
      }
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const step = fc.oneof(
  fc.constantFrom('deliver', 'remove', 'flag'),
  fc.constantFrom(
    'NOOP',
    'SEARCH ALL',
    'UID SEARCH ALL',
    'EXPUNGE',
    'UID FETCH 1:* FLAGS',
    'FETCH 1:* UID',
    'SORT (SIZE) UTF-8 ALL',
  ),
  fc.constantFrom(
    'STORE 1 +FLAGS (\\Deleted)',
    'UID STORE 1:4 +FLAGS.SILENT (\\Deleted)',
    'COPY 1:2 INBOX',
    'MOVE 1 Drafts',
  ),
);

it.each([false, true])('sequence numbers stay true whatever others do, with VANISHED: %s', async (vanished) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.nat()), { maxLength: 40 }), async (steps) => {
      const directory = new MailboxDirectory(['a']);
      for (let count = 0; count < 4; count++) directory.deliver('a', 'INBOX', Buffer.from('Subject: x\r\n\r\n'));
      const other = await directory.openStore('a').open('INBOX', { readOnly: false });
      const [near, far] = duplexPair();
      const served = serveEngine(far, () => directory.openStore('a'));
      const client = new BelievingClient(near);
      await client.run('LOGIN a b');
      if (vanished) await client.run('ENABLE QRESYNC');
      await client.run('SELECT INBOX');
      await client.run('FETCH 1:* UID');
      for (const [what, which] of steps) await take(what, which, { directory, other, client });
      await client.run('NOOP');
      const there = directory.messages('a', 'INBOX').map(({ uid }) => uid);
      expect(client.uids.map((uid, at) => uid ?? there[at])).toEqual(there);
      near.destroy();
      far.destroy();
      await served;
    }),
    { numRuns: 100 },
  );
});

interface World {
  readonly directory: MailboxDirectory;
  readonly other: OpenFolder;
  readonly client: BelievingClient;
}

async function take(what: string, which: number, { directory, other, client }: World): Promise<void> {
  const uids = directory.messages('a', 'INBOX').map(({ uid }) => uid);
  const uid = uids[which % Math.max(uids.length, 1)] ?? 0;
  if (what === 'deliver') directory.deliver('a', 'INBOX', Buffer.from('Subject: y\r\n\r\n'));
  else if (what === 'remove') await other.remove([uid]);
  else if (what === 'flag') await other.setFlags([uid], 'add', [`k${which % 5}`]);
  else {
    const end = await client.run(what);
    expect(end).toMatch(/^c\d+ (?:OK|NO \[EXPUNGEISSUED\]|BAD The specified message set)/);
    // VANISHED reports UIDs, which a client has to have asked for.
    if (client.uids.includes(undefined)) await client.run('FETCH 1:* UID');
  }
}
