import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import SMTPConnection, { type SMTPConnectionSendInfo, type SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import { SmtpUpstreamError } from '../../exchange/smtp/error.ts';
import { runStep } from '../../exchange/smtp/step.ts';
import { type ProxyProtocol, sendLocalHeader } from '../../listeners/proxy-protocol/balancers.ts';
import { type ExitCode, exitCodes, SendmailError } from './exit.ts';
import type { SendmailServer } from './server.ts';

/** A message to submit. */
export interface HandedMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: AsyncIterable<Buffer>;
}

/** The bridge's answer to a message. */
export interface BridgeReply {
  /** Recipients that were refused; the others are served. */
  readonly refused: readonly string[];
  /** Its answer to the message as a whole. */
  readonly reply: string;
}

/**
 * Submits a message to the bridge over SMTP.
 * @throws SendmailError
 */
export async function handOver(server: SendmailServer, message: HandedMessage): Promise<BridgeReply> {
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.tls,
    ...(server.proxyProtocol && { socket: introducedSocket(server.proxyProtocol) }),
    // The certificate would prove nothing more: whatever listens on this machine's port is the bridge.
    tls: { rejectUnauthorized: false },
    connectionTimeout: 30_000,
    greetingTimeout: 30_000,
    socketTimeout: 600_000,
  });
  connection.on('error', () => {});
  const never = new AbortController().signal;
  const where = `${server.host}:${server.port}`;
  try {
    await runStep(connection, 'connect', never, (done) => connection.connect(done));
    const { login } = server;
    if (login) {
      const credentials = { user: login.username, pass: login.password };
      await runStep(connection, 'login', never, (done) => connection.login({ credentials }, done));
    }
    return await send(connection, message);
  } catch (error) {
    throw error instanceof SmtpUpstreamError ? new SendmailError(...failureOf(error, where)) : error;
  } finally {
    connection.quit();
  }
}

/** If the listener takes this machine for a load balancer, it waits for a header. */
function introducedSocket(proxyProtocol: ProxyProtocol): Socket {
  const socket = new Socket();
  return socket.once('connect', () => sendLocalHeader(socket, proxyProtocol));
}

async function send(connection: SMTPConnection, message: HandedMessage): Promise<BridgeReply> {
  const envelope: SMTPEnvelope = {
    from: message.sender === '' ? false : message.sender,
    to: [...message.recipients],
    use8BitMime: true,
  };
  const content = Readable.from(message.content, { objectMode: false });
  const info = await runStep<SMTPConnectionSendInfo>(connection, 'envelope', new AbortController().signal, (done) =>
    connection.send(envelope, content, done),
  );
  return { refused: info.rejected, reply: info.response };
}

/** What a failure means for the caller: whether another try is worthwhile, and why. */
function failureOf(error: SmtpUpstreamError, where: string): [ExitCode, string] {
  const { reply, stage, command } = error;
  // The library never sends an address that would be two commands to a server.
  if (error.systemCode === 'EENVELOPE' && !reply) return [exitCodes.dataError, error.message];
  if (!reply) {
    const why = error.systemCode === undefined ? '' : ` (${error.systemCode})`;
    return [exitCodes.temporary, `the bridge cannot be reached at ${where}${why}; is it running?`];
  }
  const said = `the bridge at ${where} said: ${error.message}`;
  if (reply.code < 500) return [exitCodes.temporary, said];
  if (reply.code === 530) return [exitCodes.config, `${said}; give an account "networks" with this machine's address`];
  if (stage === 'login' || reply.code === 535) return [exitCodes.noPermission, said];
  if (reply.enhanced === '5.7.1') return [exitCodes.noPermission, said];
  if (reply.enhanced === '5.6.11' || reply.code === 501) return [exitCodes.dataError, said];
  return [command?.startsWith('RCPT') ? exitCodes.noUser : exitCodes.unavailable, said];
}
