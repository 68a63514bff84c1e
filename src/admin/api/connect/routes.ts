import { renderSVG } from 'uqr';
import { z } from 'zod';
import { setCookie } from '../../access/cookies.ts';
import type { PendingConnects } from '../../connect/pending.ts';
import { type ConnectPageParts, connectCookie } from '../../connect/routes.ts';
import { type ApiRoute, apiRoute, noContent, ok } from '../route.ts';
import { invitationRoutes } from './invitations.ts';
import { originOf } from './origin.ts';

const server = z.strictObject({ host: z.string(), port: z.int(), security: z.enum(['none', 'starttls', 'tls']) });
const servers = z.strictObject({ smtp: server.optional(), imap: server.optional(), pop3: server.optional() });

const factsSchema = z.strictObject({ domains: z.array(z.string()), servers, hasAuthority: z.boolean() });

const startedSchema = z.strictObject({
  id: z
    .string()
    .meta({ description: 'Identifies the sign-in when its outcome is requested; whoever knows it gets the password.' }),
  userCode: z.string().optional(),
  verificationUri: z.string().optional(),
  expiresAt: z.iso.datetime().optional(),
  url: z.string().optional().meta({ description: 'Instead of a code: the address to open in the browser.' }),
});

const outcomeSchema = z.strictObject({
  state: z.enum(['waiting', 'done', 'failed']),
  address: z
    .string()
    .optional()
    .meta({ description: 'The person who signed in, according to Microsoft; also the username.' }),
  password: z.string().optional().meta({ description: 'Opens only this mailbox; returned once.' }),
  error: z.strictObject({ code: z.string(), message: z.string(), remedy: z.string() }).optional(),
});

const longestAddress = 320;

/** People connect their own mailboxes; no sign-in to the admin pages is needed. */
export function connectRoutes(api: ConnectPageParts): ApiRoute[] {
  return [...lookRoutes(api), ...signInRoutes(api), ...invitationRoutes(api.connect)];
}

function lookRoutes({ connect }: ConnectPageParts): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/connect',
      summary: 'The mailboxes that may be connected, and where programs reach the bridge.',
      access: 'open',
      answers: { 200: { description: 'The facts.', schema: factsSchema } },
      async run() {
        const hasAuthority = (await connect.authority()) !== undefined;
        return ok({ domains: connect.domains, servers: connect.servers(), hasAuthority });
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/connect/qr',
      summary: 'A QR code with the address of the profile for phones.',
      access: 'open',
      query: z.strictObject({ address: z.email().max(longestAddress) }),
      answers: { 200: { description: 'An image.', type: 'image/svg+xml' } },
      run({ query: { address }, request }) {
        const url = new URL('/connect/mail.mobileconfig', originOf(connect, request));
        url.searchParams.set('address', address);
        return { status: 200, type: 'image/svg+xml', body: renderSVG(url.href, { border: 2 }) };
      },
    }),
  ];
}

function signInRoutes({ pending, isSecure }: ConnectPageParts): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/connect/sign-ins',
      summary: 'Start a sign-in at Microsoft. The answer does not reveal whether the mailbox exists.',
      access: 'open',
      body: z.strictObject({ invitation: z.string().max(1000).optional() }),
      answers: { 202: { description: 'The code to enter there.', schema: startedSchema } },
      async run({ request, reply, body }) {
        const { id, begun } = await pending.start(request.ip, body.invitation);
        if ('url' in begun) {
          // The browser that returns has to be the one that began.
          setCookie(reply, connectCookie, id, isSecure);
          return { status: 202, body: { id, url: begun.url } };
        }
        const { expiresAtMs, ...code } = begun.code;
        const { userCode, verificationUri } = code;
        return { status: 202, body: { id, userCode, verificationUri, expiresAt: new Date(expiresAtMs).toISOString() } };
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/connect/outcome',
      summary: 'The progress of a sign-in. Its outcome is returned once.',
      access: 'open',
      body: z.strictObject({ id: z.string().max(100) }),
      answers: { 200: { description: 'The outcome.', schema: outcomeSchema } },
      run: ({ body }) => ok(outcomeOf(pending.take(body.id))),
    }),
    apiRoute({
      method: 'POST',
      path: '/connect/cancel',
      summary: 'Cancel a pending sign-in, which makes room for another.',
      access: 'open',
      body: z.strictObject({ id: z.string().max(100) }),
      answers: { 204: { description: 'Canceled, or already over.' } },
      run({ body }) {
        pending.cancel(body.id);
        return noContent;
      },
    }),
  ];
}

function outcomeOf(state: ReturnType<PendingConnects['take']>): object {
  if (state.state === 'waiting') return { state: 'waiting' };
  if (state.state === 'done') {
    const { address, password } = state.mailbox;
    return { state: 'done', address, password };
  }
  const { code, message, remedy } = state.error;
  return { state: 'failed', error: { code, message, remedy } };
}
