import { Writable } from 'node:stream';
import { createTransport } from 'nodemailer';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { LogTail } from '../../../src/admin/api/log/log-tail.ts';
import { openLog } from '../../../src/base/log.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { isInstalled, needProgram } from '../../support/external.ts';
import { freePorts } from '../../support/ports.ts';
import {
  alice,
  contosoAccount,
  contosoConfig,
  password,
  type Relay,
  relayFrom,
  reports,
  startContoso,
} from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';

/** The admin token of every bridge here. */
export const adminToken = 'admin-token-of-the-page-tests';
/** A token that only permits viewing. */
export const viewToken = 'view-token-of-the-page-tests';

/** Microsoft 365, a bridge with its admin pages, and a browser to open them. */
export interface PagesWorld {
  readonly relay: Relay;
  /** Origin of the admin server: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** A window in which nobody is signed in. */
  window(options?: BrowserContextOptions): Promise<Page>;
  /** A signed-in window at a path below `/ui/`. */
  open(path: string, options?: BrowserContextOptions & { readonly token?: string }): Promise<Page>;
  /** Submits a message as a program does. @returns its id in the queue */
  submit(subject: string, changes?: Submission): Promise<string>;
}

export interface Submission {
  readonly account?: 'graph' | 'smtp';
  readonly to?: string;
}

/** What differs in the configuration; the tenant can be changed too, before the bridge uses it. */
type WorldChanges = (config: ConfigInput, simulator: Relay['simulator']) => Partial<ConfigInput>;

/** People connect their own mailboxes, over a separate connection. */
export function withPeople(config: ConfigInput): Partial<ConfigInput> {
  const { tenantId = '', clientId = '', cloud = 'global' } = config.connections.contoso!;
  const people = { tenantId, clientId, grant: 'device-code', signIns: 'each', cloud } as const;
  return {
    connections: { ...config.connections, people },
    accounts: [
      ...config.accounts,
      { username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp' },
    ],
    admin: { ...config.admin, connect: { connection: 'people', domains: [] } },
  };
}

/** Errors the browser reports that a person would not see on the page. */
const complaints: string[] = [];

/** One world for the tests of a file. After each test, the browser must have reported no errors. */
export function pagesWorld(changes: WorldChanges = () => ({})): () => PagesWorld {
  let world: PagesWorld | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (!isInstalled('chromium')) return;
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    world = await startWorld(browser, changes);
  });
  beforeEach((context) => needProgram(context, 'chromium'));
  afterAll(async () => {
    await browser?.close();
    await world?.relay.close();
    expect(complaints.splice(0)).toEqual([]);
  });
  return () => {
    if (!world) throw new Error('there is no world yet');
    return world;
  };
}

async function startWorld(browser: Browser, changes: WorldChanges): Promise<PagesWorld> {
  const simulator = await startContoso();
  for (const token of [adminToken, viewToken]) noteSecret('admin token', token);
  const port = await freePorts();
  const config = contosoConfig(simulator, {
    listeners: [
      { protocol: 'smtp', port: 0, security: 'starttls' },
      { protocol: 'imap', port: 0, security: 'starttls' },
    ],
    accounts: [contosoAccount('graph', { read: 'imap' }), contosoAccount('smtp')],
    // Refusals by Microsoft must show at once.
    retry: { mode: 'none' },
    admin: { port, token: adminToken, viewToken },
  });
  const logTail = new LogTail();
  const destination = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = openLog({ level: 'info', format: 'json', destination, tail: (line) => logTail.add(line) });
  const relay = await relayFrom(simulator, { ...config, ...changes(config, simulator) }, log, logTail);
  const origin = `http://127.0.0.1:${port}`;
  const window: PagesWorld['window'] = async (options) => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // The page shows refusals by the bridge; the browser's own line about them adds nothing.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        complaints.push(message.text());
    });
    return page;
  };
  return {
    relay,
    origin,
    window,
    async open(path, { token = adminToken, ...options } = {}) {
      const page = await window(options);
      await page.goto(`${origin}/ui/${path}#token=${token}`);
      await page.getByRole('link', { name: 'mailbridge' }).waitFor();
      return page;
    },
    async submit(subject, { account = 'graph', to = alice } = {}) {
      const transport = createTransport({
        host: '127.0.0.1',
        port: relay.port(),
        tls: { rejectUnauthorized: false },
        auth: { user: account, pass: password },
      });
      const { response } = await transport.sendMail({ from: reports, to, subject, text: 'Page test.\n' });
      transport.close();
      return /Queued as (\w+)/.exec(response)?.[1] ?? '';
    },
  };
}
