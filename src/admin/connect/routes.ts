import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type CookieKind, cookieValues, endCookie } from '../access/cookies.ts';
import type { PageFiles } from '../server/page-files.ts';
import { appleProfile } from './apple.ts';
import { askedAddress, autodiscoverAnswer, autodiscoverRefusal } from './outlook.ts';
import type { PendingConnects } from './pending.ts';
import type { ConnectPort } from './port.ts';
import { thunderbirdConfig } from './thunderbird.ts';

/** What `/connect` works with. */
export interface ConnectPageParts {
  readonly connect: ConnectPort;
  readonly pending: PendingConnects;
  /** Whether browsers come over https. */
  readonly isSecure: boolean;
}

/** Identifies the browser that began a sign-in. It returns from another site. */
export const connectCookie: CookieKind = { name: 'mailbridge_connect', path: '/connect', sameSite: 'Lax' };

const maxRequestBytes = 16 * 1024;

/** Requests of people without a login: the page at `/connect`. */
export function addConnectRoutes(
  app: FastifyInstance,
  { connect, pending, isSecure }: ConnectPageParts,
  files: PageFiles,
): void {
  app.get('/connect/callback', async (request, reply) => {
    const [id] = cookieValues(request, connectCookie, isSecure);
    pending.redirected(new URL(request.url, 'http://localhost'), id);
    endCookie(reply, connectCookie, isSecure);
    // The page knows which sign-in it began.
    return reply.redirect('/connect', 303);
  });
  app.get('/connect', async (_, reply) => {
    const page = await files.get('connect/index.html');
    return page ? reply.type(page.type).send(page.content) : reply.callNotFound();
  });
  app.get('/connect/ca.crt', async (_, reply) => {
    const pem = await connect.authority();
    if (pem === undefined) return reply.callNotFound();
    return reply
      .header('Content-Disposition', 'attachment; filename="ca.crt"')
      .type('application/x-x509-ca-cert')
      .send(pem);
  });
}

/**
 * Requests of mail programs without a login: their settings, which are the same for every address of a domain. The
 * answers do not reveal whether a mailbox exists.
 */
export function addProgramRoutes(app: FastifyInstance, connect: ConnectPort): void {
  app.get('/connect/mail.mobileconfig', async (request, reply) => {
    const address = openAddress(request, connect);
    if (address === undefined) return reply.callNotFound();
    const profile = appleProfile(address, connect.servers(), await connect.authority());
    reply.header('Content-Disposition', 'attachment; filename="mail.mobileconfig"');
    return reply.type('application/x-apple-aspen-config').send(profile);
  });
  for (const path of ['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml']) {
    app.get(path, (request, reply) => thunderbird(request, reply, connect));
  }
  app.register((part, _, done) => {
    part.addContentTypeParser(
      ['text/xml', 'application/xml'],
      { parseAs: 'string', bodyLimit: maxRequestBytes },
      (_, body, parsed) => parsed(null, body),
    );
    for (const path of ['/autodiscover/autodiscover.xml', '/Autodiscover/Autodiscover.xml']) {
      part.post(path, (request, reply) => outlook(request, reply, connect));
    }
    done();
  });
}

type Answered = FastifyReply | Promise<FastifyReply>;

/** If a program names no address, the host name contains the domain: `autoconfig.contoso.com`. */
function thunderbird(request: FastifyRequest, reply: FastifyReply, connect: ConnectPort): Answered {
  const { emailaddress } = request.query as { readonly emailaddress?: unknown };
  const address = typeof emailaddress === 'string' ? emailaddress : `@${request.hostname.replace(/^autoconfig\./, '')}`;
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  if (!connect.domains.includes(domain)) return reply.callNotFound() as unknown as FastifyReply;
  return reply.type('text/xml; charset=utf-8').send(thunderbirdConfig(domain, connect.servers()));
}

function outlook(request: FastifyRequest, reply: FastifyReply, connect: ConnectPort): Answered {
  reply.type('text/xml; charset=utf-8');
  const address = askedAddress(String(request.body));
  if (address === undefined) return reply.send(autodiscoverRefusal(600, 'The request names no address.'));
  if (!isOfDomain(address, connect)) return reply.send(autodiscoverRefusal(500, 'No mail of this domain is here.'));
  return reply.send(autodiscoverAnswer(address, connect.servers()));
}

function openAddress({ query }: FastifyRequest, connect: ConnectPort): string | undefined {
  const { address } = query as { readonly address?: unknown };
  if (typeof address !== 'string' || !/^[^\s@<>"]{1,64}@[^\s@<>"]{1,253}$/.test(address)) return undefined;
  return isOfDomain(address, connect) ? address.toLowerCase() : undefined;
}

function isOfDomain(address: string, { domains }: ConnectPort): boolean {
  return domains.includes(address.slice(address.lastIndexOf('@') + 1).toLowerCase());
}
