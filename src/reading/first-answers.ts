import type { BridgeError } from '../base/errors.ts';
import { refusalError } from '../exchange/reading/connect-refusal.ts';

/** Octets of answers that are looked at; a mail program has selected a folder long before. */
const maxBytes = 8 * 1024;

/** Answers to commands that are looked at. */
const maxAnswers = 8;

const maxLineLength = 512;

const answer = /^[^\s*+]+ (OK|NO|BAD)\b *(.*)/i;

/**
 * Looks at the first answers after an IMAP login. Exchange Online takes any good token and says only then that it
 * opens no mailbox; without a word in the log nobody would know why.
 * @returns to be shown what the server says, until it returns false
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

/** Other refusals are the client's business: a folder that does not exist, a command unknown. */
function failureOf(said: string, mailbox: string): BridgeError | undefined {
  const failure = refusalError({ mailbox, said, atLogin: false });
  return failure.code === 'mailbox-login-unavailable' ? undefined : failure;
}
