import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { LogTail } from '../../src/admin/api/log/log-tail.ts';
import type { Overview } from '../../src/admin/api/overview/schemas.ts';
import type { AdminFacts } from '../../src/admin/facts.ts';
import { History } from '../../src/admin/history/history.ts';
import type { AdminPorts } from '../../src/admin/ports.ts';
import { listenAdmin } from '../../src/admin/server/admin-server.ts';
import type { AdminSettings } from '../../src/admin/settings.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Nothing to report. */
export const nothing: AdminFacts = {
  queue: async () => ({}),
  clients: () => ({}),
  workers: async () => [],
  troubles: () => [],
  signIns: async () => [],
  notReady: async () => [],
};

export const quietOverview: Overview = {
  version: '1.2.3',
  instance: 'bridge-1',
  startedAt: '2026-01-05T08:00:00.000Z',
  ready: { ready: true, reasons: [] },
  connections: [{ name: 'contoso', grant: 'client-credentials', state: 'ok', expires: [] }],
  accounts: { total: 1, trouble: [] },
  queue: { queued: 3, held: 0, failed: 0, quarantined: 0, deliveredLastDay: 7, oldestQueuedAt: null },
  clients: { smtp: 1, imap: 0, pop3: 0 },
  alerts: [],
};

export function quietPorts(facts: AdminFacts = nothing): AdminPorts {
  return {
    facts,
    instance: { version: '1.2.3', instance: 'bridge-1', isSetUp: () => true },
    overview: async () => quietOverview,
    messages: {
      page: async () => ({ messages: [], next: null }),
      get: async () => undefined,
      open: async () => Readable.from([]),
      act: async () => 0,
    },
    accounts: {
      page: async () => ({ accounts: [], next: null }),
      get: async () => undefined,
      addAppPassword: async () => ({ id: 'x', password: 'x' }),
      removeAppPassword: async () => {},
      sendTest: async () => 'x',
    },
    connections: {
      all: async () => [],
      has: (name) => name === 'contoso',
      startCheck: () => 'run-1',
      check: () => undefined,
      startSignIn: () => Promise.reject(new Error('nobody signs in')),
      signIn: () => undefined,
      exchangeScript: async () => ({ needsUser: false, user: null, script: null }),
      consentLinks: () => [],
    },
    history: (range) => new History(() => Date.now()).view(range),
    logTail: new LogTail(),
    events: () => () => {},
    close: async () => {},
  };
}

export const adminToken = 'the-admin-token-of-this-test';
export const viewToken = 'the-view-token-of-this-test-x';

export interface WorldOptions {
  readonly settings?: Partial<AdminSettings>;
  readonly ports?: Partial<AdminPorts>;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** An admin server with two tokens, on its own port. */
export async function adminWorld({ settings, ports, clock = systemClock, log = silentLog }: WorldOptions = {}) {
  for (const token of [adminToken, viewToken]) noteSecret('admin token', token);
  const dataDir = temporaryFolder();
  const all: AdminSettings = {
    host: '127.0.0.1',
    port: 0,
    pages: true,
    names: ['bridge.contoso.com'],
    dataDir,
    token: adminToken,
    viewToken,
    ...settings,
  };
  const server = await listenAdmin(all, { ...quietPorts(), ...ports }, { clock, log });
  onTestFinished(() => server.close());
  const origin = `${all.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`;
  const call = (path: string, init?: RequestInit) => fetch(`${origin}${path}`, { redirect: 'manual', ...init });
  return { server, dataDir: all.dataDir, origin, port: server.port, call };
}

export type AdminWorld = Awaited<ReturnType<typeof adminWorld>>;

/** A request with a token, as a script sends it. */
export function bearer(world: Pick<AdminWorld, 'call'>, token = adminToken) {
  return (method: string, path: string, body?: unknown) =>
    world.call(`/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
}

/** A browser that has signed in: it keeps the cookie, and its page knows the CSRF token. */
export async function signedIn(world: Pick<AdminWorld, 'call' | 'origin'>, token = adminToken) {
  const answer = await world.call('/api/v1/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const get = (path: string, init: RequestInit = {}) =>
    world.call(`/api/v1${path}`, { ...init, headers: { Cookie: cookie, ...init.headers } });
  const session = (await (await get('/session')).json()) as { csrfToken: string };
  for (const secret of [cookie.split('=')[1] ?? '', session.csrfToken]) noteSecret('admin session', secret);
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    get(path, {
      method,
      headers: {
        Origin: world.origin,
        'X-CSRF-Token': session.csrfToken,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { answer, cookie, session, get, send };
}
