import { z } from 'zod';
import type { SendingLimits } from '../delivery/sending-limits.ts';
import type { Transport } from '../delivery/transport.ts';
import type { Violations } from '../delivery/violations.ts';
import type { TokenSigner } from '../entra/access-token.ts';
import { managedIdentityRoutes } from '../entra/managed-identity.ts';
import { ExchangeAdministration } from '../exchange-admin/exchange-administration.ts';
import { type Fault, type Faults, faultKinds, faultStages, faultTargets } from '../faults.ts';
import type { ImportSessions } from '../graph/exchange-items/import-sessions.ts';
import type { GraphRequests } from '../graph/graph-requests.ts';
import type { GraphBehaviour } from '../graph/mail/behaviour.ts';
import type { UploadSessions } from '../graph/mail/drafts/upload-sessions.ts';
import {
  BodyTooLarge,
  type HttpAnswer,
  type IncomingHttpRequest,
  type Listening,
  listenHttp,
} from '../http/http-server.ts';
import { findRoute, type Route } from '../http/routes.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { patchMailState, readMailState } from './mail-state.ts';
import { patchState, readState, statePatch } from './state.ts';

export interface ControlSettings {
  readonly host: string;
  readonly port: number;
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly limits: SendingLimits;
  readonly violations: Violations;
  readonly uploads: UploadSessions;
  readonly imports: ImportSessions;
  readonly behaviour: GraphBehaviour;
  readonly requests: GraphRequests;
  readonly faults: Faults;
  onDefect(error: unknown): void;
}

const stagedFault = z.strictObject({
  target: z.enum(faultTargets),
  kind: z.enum(faultKinds),
  status: z.int().min(200).max(599).optional(),
  code: z.string().max(100).optional(),
  text: z.string().max(1000).optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
  retryAfterSeconds: z.int().min(0).max(86_400).optional(),
  mailbox: z.string().optional(),
  at: z.enum(faultStages).optional(),
  afterBytes: z.int().min(0).optional(),
  count: z.int().min(1).max(1_000_000).default(1),
});

const maxBodyBytes = 1024 * 1024;

/** Listens for requests that stage failures and read what arrived. Plain HTTP: for loopback only. */
export function listenControl(settings: ControlSettings): Promise<Listening> {
  const routes = [
    ...faultRoutes(settings),
    ...stateRoutes(settings),
    ...mailRoutes(settings),
    ...violationRoutes(settings),
    ...graphRequestRoutes(settings.requests),
    ...exchangeRoutes(settings),
    ...managedIdentityRoutes(settings.tenant, settings.signer),
  ];
  const { host, port, onDefect } = settings;
  return listenHttp({
    host,
    port,
    onDefect,
    handle: async (request) => {
      const found = findRoute(routes, request);
      if (typeof found === 'string')
        return refusal(found === 'not-found' ? 404 : 405, `${request.url.pathname}: ${found}`);
      try {
        return await found.route.handle(request, found.captures);
      } catch (error) {
        if (error instanceof BadRequest) return refusal(400, error.message);
        throw error;
      }
    },
  });
}

class BadRequest extends Error {}

function refusal(status: number, message: string): HttpAnswer {
  return { status, body: { error: message } };
}

function faultRoutes({ faults }: ControlSettings): readonly Route[] {
  const path = /^\/faults$/;
  return [
    { method: 'GET', path, handle: () => ({ status: 200, body: { faults: faults.list() } }) },
    {
      method: 'POST',
      path,
      handle: async (request) => {
        const { count, ...fault } = await jsonBody(request, stagedFault);
        faults.add(fault as Fault, count);
        return { status: 201, body: { faults: faults.list() } };
      },
    },
    {
      method: 'DELETE',
      path,
      handle: () => {
        faults.clear();
        return { status: 204 };
      },
    },
  ];
}

/** The limits that clients exceeded. */
function violationRoutes({ violations }: ControlSettings): readonly Route[] {
  const path = /^\/violations$/;
  return [
    {
      method: 'GET',
      path,
      handle: () => {
        const { count } = violations;
        return { status: 200, body: { count, counts: violations.counts(), entries: violations.entries() } };
      },
    },
    {
      method: 'DELETE',
      path,
      handle: () => {
        violations.clear();
        return { status: 204 };
      },
    },
  ];
}

/** The requests that Graph received, by operation and mailbox. */
function graphRequestRoutes(requests: GraphRequests): readonly Route[] {
  const path = /^\/graph-requests$/;
  return [
    {
      method: 'GET',
      path,
      handle: () => ({ status: 200, body: { count: requests.count(), entries: requests.entries() } }),
    },
    {
      method: 'DELETE',
      path,
      handle: () => {
        requests.clear();
        return { status: 204 };
      },
    },
  ];
}

function stateRoutes({ tenant, directory, ...mail }: ControlSettings): readonly Route[] {
  const path = /^\/state$/;
  const state = () => ({ ...readState(tenant, directory), ...readMailState(mail) });
  return [
    { method: 'GET', path, handle: () => ({ status: 200, body: state() }) },
    {
      method: 'PATCH',
      path,
      handle: async (request) => {
        const patch = await jsonBody(request, statePatch);
        patchState(tenant, directory, patch);
        patchMailState(mail, patch);
        return { status: 200, body: state() };
      },
    },
  ];
}

/** Exchange Online PowerShell: the body is a script. */
function exchangeRoutes({ tenant, directory }: ControlSettings): readonly Route[] {
  const administration = new ExchangeAdministration(tenant, directory);
  return [
    {
      method: 'POST',
      path: /^\/exchange-powershell$/,
      handle: async (request) => {
        const outcome = administration.run((await readBody(request)).toString('utf8'));
        const [first] = outcome.errors;
        if (!first) return { status: 200, body: outcome };
        return { status: 400, body: { error: `line ${first.line}: ${first.message}`, ...outcome } };
      },
    },
  ];
}

function mailRoutes({ directory, transport }: ControlSettings): readonly Route[] {
  const { journal, outbox } = transport;
  const after = (request: IncomingHttpRequest) => Number(request.url.searchParams.get('after') ?? 0) || 0;
  const messages = (mailbox: string, folder: string) => {
    if (!directory.has(mailbox)) return undefined;
    const all = directory.mailbox(mailbox).folders();
    return all.find(({ name }) => name.toLowerCase() === folder.toLowerCase())?.messages();
  };
  const nothing = refusal(404, 'There is no such message, folder or mailbox.');
  return [
    {
      method: 'GET',
      path: /^\/journal$/,
      handle: (request) => ({ status: 200, body: { count: journal.count, entries: journal.entries(after(request)) } }),
    },
    {
      method: 'DELETE',
      path: /^\/journal$/,
      handle: () => {
        journal.clear();
        outbox.clear();
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: /^\/outbox$/,
      handle: (request) => {
        const entries = outbox.entries(after(request)).map(({ content: _, ...entry }) => entry);
        return { status: 200, body: { count: outbox.count, entries } };
      },
    },
    {
      method: 'GET',
      path: /^\/outbox\/(\d+)$/,
      handle: (_, [n]) => {
        const entry = outbox.get(Number(n));
        return entry ? rawMessage(entry.content) : nothing;
      },
    },
    {
      method: 'GET',
      path: /^\/mailboxes\/([^/]+)\/([^/]+)$/,
      handle: (_, [mailbox = '', folder = '']) => {
        const found = messages(mailbox, folder);
        if (!found) return nothing;
        const list = found.map(({ uid, flags, internalDate, kept }) => ({ uid, flags, internalDate, size: kept.size }));
        return { status: 200, body: { messages: list } };
      },
    },
    {
      method: 'GET',
      path: /^\/mailboxes\/([^/]+)\/([^/]+)\/(\d+)$/,
      handle: (_, [mailbox = '', folder = '', uid]) => {
        const found = messages(mailbox, folder)?.find((message) => message.uid === Number(uid));
        return found ? rawMessage(found.content) : nothing;
      },
    },
  ];
}

function rawMessage(content: Buffer): HttpAnswer {
  return { status: 200, headers: { 'Content-Type': 'message/rfc822' }, body: content };
}

async function jsonBody<S extends z.ZodType>(request: IncomingHttpRequest, schema: S): Promise<z.infer<S>> {
  let value: unknown;
  try {
    value = JSON.parse((await readBody(request)).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadRequest('The body is not JSON.');
    throw error;
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new BadRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message}`);
}

async function readBody(request: IncomingHttpRequest): Promise<Buffer> {
  try {
    return await request.readBody(maxBodyBytes);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw new BadRequest('The body is too large.');
    throw error;
  }
}
