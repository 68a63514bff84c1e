import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import type { CertificateAndKey } from '../../src/base/certificates.ts';

/** What one of these servers received. */
export interface Taken {
  readonly via: 'graph' | 'smtp';
  /** The mailbox named in the URL or at AUTH. */
  readonly mailbox: string;
  readonly content: Buffer;
  /** Of the envelope; empty for Graph. */
  readonly recipients: readonly string[];
}

/** Servers that replace Microsoft's and share no code with the simulator. */
export interface OtherMicrosoft {
  readonly authority: string;
  readonly graph: string;
  readonly smtp: { readonly host: string; readonly port: number; readonly security: 'starttls' };
  readonly taken: readonly Taken[];
  /** The form fields of each token request. */
  readonly tokenRequests: readonly Readonly<Record<string, string>>[];
  close(): Promise<void>;
}

/**
 * A token endpoint and `sendMail` in one HTTPS server, and an SMTP server with XOAUTH2 made with the smtp-server
 * library.
 */
export async function startOtherMicrosoft(tls: CertificateAndKey): Promise<OtherMicrosoft> {
  const taken: Taken[] = [];
  const tokenRequests: Record<string, string>[] = [];
  const tokens = new Map<string, string>();

  const web = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    const answer = (status: number, body?: unknown) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    serve(request, answer).catch(() => answer(500));
  });

  async function serve(request: IncomingMessage, answer: (status: number, body?: unknown) => void): Promise<void> {
    const body = await buffer(request);
    const { pathname } = new URL(request.url ?? '/', 'https://here');
    const origin = `https://${request.headers.host}`;
    const tenant = pathname.split('/')[1];
    if (pathname.endsWith('/.well-known/openid-configuration')) {
      return answer(200, {
        issuer: `${origin}/${tenant}/v2.0`,
        authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${origin}/${tenant}/keys`,
      });
    }
    if (pathname.endsWith('/oauth2/v2.0/token')) {
      const form = Object.fromEntries(new URLSearchParams(body.toString()));
      tokenRequests.push(form);
      const token = `opaque-${tokenRequests.length}`;
      tokens.set(token, form.scope ?? '');
      return answer(200, { token_type: 'Bearer', expires_in: 3599, access_token: token });
    }
    const sender = /^\/v1\.0\/users\/([^/]+)\/sendMail$/.exec(pathname)?.[1];
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (sender === undefined || request.method !== 'POST') return answer(404);
    if (!tokens.get(token)?.includes('graph')) return answer(401);
    const content = Buffer.from(body.toString('latin1'), 'base64');
    taken.push({ via: 'graph', mailbox: decodeURIComponent(sender), content, recipients: [] });
    return answer(202);
  }

  const smtp = new SMTPServer({
    cert: tls.cert,
    key: tls.key,
    authMethods: ['XOAUTH2'],
    onAuth(auth, _session, done) {
      const known = tokens.get(auth.accessToken ?? '')?.includes('outlook');
      if (known) done(null, { user: auth.username ?? '' });
      else done(null, { data: { status: '400', schemes: 'Bearer', scope: 'mail' } });
    },
    onData(stream, session, done) {
      buffer(stream).then((content) => {
        const recipients = session.envelope.rcptTo.map(({ address }) => address);
        taken.push({ via: 'smtp', mailbox: String(session.user), content, recipients });
        done(null, 'taken');
      }, done);
    },
  });
  smtp.on('error', () => {});

  web.listen(0, '127.0.0.1');
  smtp.listen(0, '127.0.0.1');
  await Promise.all([once(web, 'listening'), once(smtp.server, 'listening')]);
  const origin = `https://127.0.0.1:${(web.address() as AddressInfo).port}`;
  return {
    authority: origin,
    graph: origin,
    smtp: { host: '127.0.0.1', port: (smtp.server.address() as AddressInfo).port, security: 'starttls' },
    taken,
    tokenRequests,
    async close() {
      web.closeAllConnections();
      await Promise.all([
        new Promise((resolve) => web.close(resolve)),
        new Promise<void>((resolve) => smtp.close(resolve)),
      ]);
    },
  };
}
