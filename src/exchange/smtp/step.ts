import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { type SmtpStage, SmtpUpstreamError, type SmtpUpstreamErrorFacts } from './error.ts';
import { parseSmtpReply } from './reply.ts';

/** nodemailer's properties of an error. */
interface ReportedError {
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  readonly originalCode?: string | undefined;
  readonly response?: string | undefined;
  readonly command?: string | undefined;
}

/** Creates an upstream error from nodemailer's. */
export function upstreamError(
  error: ReportedError,
  stage: SmtpStage,
  facts: Partial<SmtpUpstreamErrorFacts> = {},
): SmtpUpstreamError {
  const reply = error.response === undefined ? undefined : parseSmtpReply(error.response);
  return new SmtpUpstreamError(error.message ?? 'The SMTP server refused.', {
    stage,
    reply,
    systemCode: error.originalCode ?? error.code,
    command: error.command,
    ...facts,
  });
}

/**
 * Runs one step of a connection. nodemailer reports a failure to the step's callback, as an `error` event, only as
 * `end`, or not at all (if we close the connection): each of them ends the step.
 */
export function runStep<Result>(
  connection: SMTPConnection,
  stage: SmtpStage | (() => SmtpStage),
  signal: AbortSignal,
  start: (done: (error?: ReportedError | null, result?: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stageNow = () => (typeof stage === 'string' ? stage : stage());
    const settle = (run: () => void) => {
      connection.off('error', onError);
      connection.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      run();
    };
    const fail = (error: ReportedError) => settle(() => reject(upstreamError(error, stageNow())));
    const onError = (error: ReportedError) => fail(error);
    // If a 421 ended the step, its callback comes right after `end` and has more detail.
    const onEnd = () => queueMicrotask(() => fail(endOf(connection)));
    const onAbort = () => {
      settle(() => reject(upstreamError({ message: 'The attempt was given up.' }, stageNow(), { aborted: true })));
      connection.close();
    };
    connection.on('error', onError);
    connection.on('end', onEnd);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    start((error, result) => (error ? fail(error) : settle(() => resolve(result as Result))));
  });
}

/** A connection can end without a reply, or with 421 in place of the expected one (RFC 5321 section 3.8). */
function endOf(connection: SMTPConnection): ReportedError {
  const last = connection.lastServerResponse;
  const farewell = typeof last === 'string' && /^421[ -]/.test(last) ? last : undefined;
  return { message: 'The server closed the connection.', code: 'ECONNECTION', response: farewell };
}
