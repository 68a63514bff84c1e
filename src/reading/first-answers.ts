import type { BridgeError } from '../base/errors.ts';
import { refusalError } from '../exchange/reading/connect-refusal.ts';

/** Number of bytes of answers examined; a mail program has selected a folder long before. */
const maxBytes = 8 * 1024;

/** Number of answers to commands examined. */
const maxAnswers = 8;

const maxLineLength = 512;

const answer = /^[^\s*+]+ (OK|NO|BAD)\b *(.*)/i;

/**
 * Examines the first answers after an IMAP login. Exchange Online accepts any valid token and reports only then that it
 * cannot open the mailbox; without a log entry, nobody would know why.
 * @returns a function to call with what the server sends, until it returns false
 */
export function watchFirstAnswers(mailbox: string, found: (error: BridgeError) => void): (chunk: Buffer) => boolean {
  let seen = 0;
  let answers = 0;
  let partial = '';
  return (chunk) => {
    const text = partial + chunk.toString('latin1', 0, Math.min(chunk.length, maxBytes - seen));
    seen += chunk.length;
    const lines = text.split('\n');
    partial = (lines.pop() ?? '').slice(0, maxLineLength);
    for (const line of lines) {
      const [, status, said = ''] = answer.exec(line.slice(0, maxLineLength)) ?? [];
      if (status === undefined) continue;
      const error = status.toUpperCase() === 'OK' ? undefined : failureOf(said, mailbox);
      if (error !== undefined) found(error);
      if (error !== undefined || ++answers >= maxAnswers) return false;
    }
    return seen < maxBytes;
  };
}

/** Other refusals are the client's business: a folder that does not exist, an unknown command. */
function failureOf(said: string, mailbox: string): BridgeError | undefined {
  const failure = refusalError({ mailbox, said, atLogin: false });
  return failure.code === 'mailbox-login-unavailable' ? undefined : failure;
}
