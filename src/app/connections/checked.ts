import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { certificateExpiry } from '../../base/certificates.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { createHttpClient, type HttpClient } from '../../base/http/client.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import type { Config, Connection } from '../../config/schema.ts';
import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import { UpstreamSmtpSession } from '../../exchange/smtp/session.ts';
import { GraphClient } from '../../graph/client/client.ts';
import { answerText } from '../../message/answer-text.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import { splitConnection } from '../../message/own-connection.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { Finding } from '../../onboarding/check/hops/hop.ts';
import type { CheckOperations, Discovery, KnownCredential, KnownSignIn } from '../../onboarding/check/operations.ts';
import { reachServer, secureServer } from '../../onboarding/check/probes/endpoint.ts';
import type { ServerPeer } from '../../onboarding/check/probes/peer.ts';
import type { ProbeOptions } from '../../onboarding/check/probes/socket.ts';
import type { CheckedAccount, CheckedConnection } from '../../onboarding/check/subject.ts';
import { testMessage } from '../../onboarding/check/test-message.ts';
import { assertRegistered } from '../../onboarding/init-config.ts';
import type { SignInStore } from '../../tokens/sign-ins/store.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { Upstream } from './upstream.ts';

const probeTimeoutMs = 10_000;
const loginTimeoutMs = 60_000;
const testTimeoutMs = 120_000;

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly signIn: SignInStore | undefined;
  readonly shared: RecordTable | undefined;
}

/** One connection as the bridge itself would use it, for a check. */
export class CheckedUpstream implements CheckOperations {
  readonly #subject: CheckedConnection;
  readonly #connection: Connection;
  readonly #config: Config;
  readonly #parts: Parts;
  #opened: { readonly upstream: Upstream; readonly whole: Upstream; readonly http: HttpClient } | undefined;

  constructor(subject: CheckedConnection, config: Config, parts: Parts) {
    this.#subject = subject;
    this.#connection = config.connections[splitConnection(subject.name).connection] as Connection;
    this.#config = config;
    this.#parts = parts;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  async open(): Promise<void> {
    const { name, clientId } = this.#subject;
    assertRegistered(name, clientId);
    const { clock, log, signIn, shared } = this.#parts;
    const { connection, owner } = splitConnection(name);
    const whole = await Upstream.open(connection, this.#config, { clock, log, signIn, shared });
    const upstream = (owner === undefined ? undefined : whole.ofOwner(owner)) ?? whole;
    const http = createHttpClient({
      ca: upstream.ca,
      proxy: this.#config.proxy?.reveal(),
      env: this.#parts.env,
      connectTimeoutMs: probeTimeoutMs,
    });
    this.#opened = { upstream, whole, http };
  }

  async close(): Promise<void> {
    await this.#opened?.http.close();
    await this.#opened?.whole.close();
  }

  reach(peer: ServerPeer): Promise<string> {
    return reachServer(peer, this.#probe());
  }

  secure(peer: ServerPeer): Promise<string> {
    return secureServer(peer, this.#probe());
  }

  async discover(): Promise<Discovery> {
    const { authority, tenantId } = this.#subject;
    const url = `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`;
    const answer = await this.#use().http.request({ method: 'GET', url });
    return { status: answer.status, body: await answer.text(), date: answer.headers.date };
  }

  async credential(): Promise<KnownCredential | undefined> {
    const connection = this.#connection;
    if (!('clientSecret' in connection || 'clientCertificate' in connection)) return undefined;
    if (connection.clientCertificate) {
      const pem = await readFile(connection.clientCertificate.cert, 'utf8');
      return { kind: 'certificate', expiresAtMs: certificateExpiry(pem) };
    }
    const secret = connection.clientSecret?.reveal();
    if (secret === undefined) return undefined;
    const looksLikeId = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(secret);
    return { kind: 'secret', firstCharacters: secret.slice(0, 3), looksLikeId };
  }

  async signIn(): Promise<KnownSignIn | undefined> {
    return await this.#use().upstream.person?.store.read();
  }

  getToken(resource: TokenResource): Promise<string> {
    return this.#use().upstream.getToken(resource);
  }

  openMailbox(protocol: 'imap' | 'pop3', mailbox: string): Promise<OpenUpstream> {
    return this.#use().upstream.openMailbox(protocol, mailbox, AbortSignal.timeout(loginTimeoutMs));
  }

  submissionLogin(mailbox: string): Promise<string> {
    return this.#use().upstream.smtpLogin(mailbox);
  }

  async openSubmission(login: string): Promise<void> {
    const { upstream } = this.#use();
    const token = await upstream.getToken('exchange');
    const session = await UpstreamSmtpSession.open(
      {
        endpoint: upstream.endpoints.smtp,
        ...(upstream.ca === undefined ? {} : { extraCa: upstream.ca }),
        ...(this.#config.hostname === undefined ? {} : { clientName: this.#config.hostname }),
      },
      { mailbox: login, token },
      AbortSignal.timeout(loginTimeoutMs),
    );
    await session.quit();
  }

  async graph(request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly json?: string }) {
    const { upstream, http } = this.#use();
    const client = new GraphClient({
      http,
      origin: upstream.endpoints.graph,
      getToken: ({ refused }) => upstream.getToken('graph', refused),
      retry: { mode: 'none', statusCodes: [], maxAttempts: 1, multiplyWait: false, waitMs: 0 },
    });
    const { json } = request;
    const answer = await client.request({
      method: request.method,
      path: request.path,
      // The token of a connection serves all its mailboxes.
      mailbox: '',
      signal: AbortSignal.timeout(loginTimeoutMs),
      ...(json !== undefined && {
        body: {
          contentType: 'application/json',
          octets: Buffer.byteLength(json),
          open: () => Readable.from([Buffer.from(json)]),
        },
      }),
    });
    return answer.text;
  }

  async sendTest(
    account: CheckedAccount,
    kind: CourierKind,
    recipients: readonly string[],
    as?: OtherSender,
  ): Promise<Finding> {
    const { upstream } = this.#use();
    const message = testMessage(account, [kind], recipients, this.now(), as);
    const courier = upstream.courier(kind, { envelope: 'auto', onAmbiguity: 'resend' });
    const report = await courier.deliver(message, AbortSignal.timeout(testTimeoutMs));
    const refused = report.recipients.find(({ outcome }) => outcome !== 'delivered');
    if (refused) {
      throw new BridgeError('test-message-refused', `Microsoft 365 did not accept the test message: ${refused.text}`, {
        ...(refused.remedy === undefined ? {} : { remedy: refused.remedy }),
        details: { said: answerText(refused), spreading: refused.outcome === 'needs-admin' },
      });
    }
    return { detail: `accepted by Microsoft: "${message.subject}"` };
  }

  #probe(): ProbeOptions {
    return { ca: this.#use().upstream.ca, timeoutMs: probeTimeoutMs };
  }

  #use(): { readonly upstream: Upstream; readonly http: HttpClient } {
    if (this.#opened === undefined) throw new Error('the connection has not been opened');
    return this.#opened;
  }
}
