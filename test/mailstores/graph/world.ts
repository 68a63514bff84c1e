import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { silentLog } from '../../../src/base/log.ts';
import { GraphClient } from '../../../src/graph/client/client.ts';
import type { AppendedMessage, FolderChange, OpenFolder } from '../../../src/mailbox/mail-store.ts';
import type { ShareIndex } from '../../../src/mailstores/graph/index/mailbox-index.ts';
import { GraphMailbox, type GraphMailboxSettings } from '../../../src/mailstores/graph/mailbox.ts';
import { GraphMailStore } from '../../../src/mailstores/graph/store.ts';
import { afterTest, type Microsoft365, microsoft365 } from '../../simulator/harness.ts';

export const reports = 'reports@contoso.example';

/** Outlook's own (Microsoft: "Microsoft Graph service-specific throttling limits"). */
const limits = { requests: 10_000, windowMs: 10 * 60_000 };

/** A mailbox behind the simulator's Graph, as sessions of a bridge see it. */
export class GraphWorld {
  readonly m365: Microsoft365;
  readonly #settings: GraphMailboxSettings;
  readonly #client: GraphClient;
  readonly #imports: boolean;
  readonly #clock: Clock;
  mailbox: GraphMailbox;
  #delivered = 0;

  private constructor(
    m365: Microsoft365,
    client: GraphClient,
    settings: GraphMailboxSettings,
    imports: boolean,
    clock: Clock,
  ) {
    this.#imports = imports;
    this.#clock = clock;
    this.m365 = m365;
    this.#client = client;
    this.#settings = settings;
    this.mailbox = this.#open();
  }

  /**
   * @param settings default: Graph is polled only when a test asks for it
   * @param imports through mailbox import
   */
  static async start(
    settings: Partial<GraphMailboxSettings> = {},
    imports = false,
    clock: Clock = systemClock,
  ): Promise<GraphWorld> {
    const m365 = await microsoft365({ mailboxes: [reports] });
    if (imports) {
      const graphRoles = ['Mail.ReadWrite', 'MailboxItem.ImportExport.All', 'User.Read.All'];
      await m365.control('PATCH', '/state', { graphRoles });
    }
    const http = createHttpClient({ ca: m365.ca });
    const client = new GraphClient({
      http,
      origin: m365.endpoints.graph,
      getToken: () => m365.token('graph'),
      retry: { mode: 'none', statusCodes: [], maxAttempts: 1, multiplyWait: false, waitMs: 0 },
    });
    const folder = await mkdtemp(join(tmpdir(), 'mailbridge-graph-'));
    const world = new GraphWorld(
      m365,
      client,
      { folder, cacheBytes: 10_000_000, pollMs: 1_000_000, ...settings },
      imports,
      clock,
    );
    afterTest(async () => {
      world.mailbox.close();
      await http.close();
      await rm(folder, { recursive: true, force: true });
    });
    return world;
  }

  get folder(): string {
    return this.#settings.folder;
  }

  /** The bridge ends and starts again. */
  restart(): void {
    this.mailbox.close();
    this.mailbox = this.#open();
  }

  /** The mailbox as another instance of the bridge sees it, with its own data folder. */
  async instance(share?: ShareIndex): Promise<GraphMailbox> {
    return (await this.another(share)).mailbox;
  }

  /** The same, but it can be restarted. */
  async another(share?: ShareIndex): Promise<{ readonly mailbox: GraphMailbox; restart(): void }> {
    const folder = await mkdtemp(join(tmpdir(), 'mailbridge-graph-'));
    const open = () => this.#open({ ...this.#settings, folder, share });
    let mailbox = open();
    afterTest(async () => {
      mailbox.close();
      await rm(folder, { recursive: true, force: true });
    });
    return {
      get mailbox() {
        return mailbox;
      },
      restart() {
        mailbox.close();
        mailbox = open();
      },
    };
  }

  /** Another session. */
  store(gone?: AbortSignal, mailbox = this.mailbox): GraphMailStore {
    const access = {
      ...{ client: this.#client, mailbox: reports, sendAs: 'mailbox' as const, clock: this.#clock },
      ...{ imports: this.#imports, limits },
    };
    return new GraphMailStore({ mailbox, access, gone, leave: () => {} });
  }

  /** Delivers a message. @returns its UID on the server's side */
  deliver(
    subject: string,
    options: { readonly folder?: string; readonly flags?: readonly string[]; readonly at?: Date } = {},
  ) {
    this.#delivered += 1;
    // Graph reports times of arrival in whole seconds.
    const { folder = 'INBOX', flags = [], at = new Date(Date.UTC(2026, 5, 1) + this.#delivered * 1000) } = options;
    const content = Buffer.from(`From: ann@example.com\r\nTo: ${reports}\r\nSubject: ${subject}\r\n\r\n${subject}\r\n`);
    return this.m365.directory.deliver(reports, folder, content, { flags, internalDate: at }).uid;
  }

  /** Looks for changes at once, as the bridge does every few seconds. */
  async poll(folder = 'INBOX', mailbox = this.mailbox): Promise<void> {
    await mailbox.synced(await mailbox.folderNamed(folder)).bringUpToDate(-1, {});
  }

  #open(settings = this.#settings): GraphMailbox {
    const access = { client: this.#client, mailbox: reports, sendAs: 'mailbox' as const, clock: this.#clock };
    return new GraphMailbox({ ...access, connection: 'contoso', limits }, settings, silentLog);
  }
}

/** A message to append. */
export function message(subject: string, flags: readonly string[] = [], more: readonly string[] = []): AppendedMessage {
  const header = [
    'From: a@example.com',
    `Message-ID: <${subject.replaceAll(' ', '.')}@example.com>`,
    `Subject: ${subject}`,
    ...more,
  ];
  const octets = Buffer.from(`${header.join('\r\n')}\r\n\r\n${subject}\r\n`);
  return { content: Readable.from([octets], { objectMode: false }), size: octets.length, flags };
}

/** Subject and flags by UID. */
export async function listing(folder: OpenFolder): Promise<Record<number, string>> {
  const found: Record<number, string> = {};
  const uids: number[] = [];
  for await (const { uid } of folder.list()) uids.push(uid);
  for await (const { uid, header } of folder.headers(uids)) {
    found[uid] = /^Subject: (.*)\r$/m.exec(header.toString())?.[1] ?? '';
  }
  for await (const { uid, flags } of folder.list()) {
    if (flags.length > 0) found[uid] = `${found[uid]} ${[...flags].sort().join(' ')}`;
  }
  return found;
}

/** What a session is told of a folder. */
export function heard(folder: OpenFolder): string[] {
  const told: string[] = [];
  folder.watch((change: FolderChange) => {
    if (change.kind === 'added') told.push(`added ${change.message.uid}${change.recent ? ' recent' : ''}`);
    else if (change.kind === 'flags') told.push(`flags ${change.uid} ${[...change.flags].sort().join(' ')}`);
    else if (change.kind === 'removed') told.push(`removed ${change.uids.join(' ')}`);
    else told.push(`gone: ${change.why}`);
  });
  return told;
}
