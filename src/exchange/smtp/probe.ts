import { assertProtected } from '../endpoint.ts';
import { ParameterConnection } from './connection.ts';
import { connectionOptions, type SmtpSessionOptions } from './session.ts';
import { runStep } from './step.ts';

const quitTimeoutMs = 1000;

/**
 * Checks whether a session can be opened: connects, secures the connection and leaves, without logging in.
 * @throws SmtpUpstreamError with stage `connect`
 */
export async function probeSmtp(options: SmtpSessionOptions, signal: AbortSignal): Promise<void> {
  assertProtected(options.endpoint);
  const connection = new ParameterConnection(connectionOptions(options, async () => {}));
  // Without a listener, an error between two steps would end the process.
  connection.on('error', () => {});
  await runStep(connection, 'connect', signal, (done) => connection.connect(done));
  const timer = setTimeout(() => connection.close(), quitTimeoutMs);
  connection.once('end', () => clearTimeout(timer));
  connection.quit();
}
