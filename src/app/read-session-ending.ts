import { BridgeError } from '../base/errors.ts';
import type { JoinResult } from './read-session-join.ts';

/** The answer to LOGOUT, with or without its BYE in the same packet, and to QUIT. */
const signedOff = {
  imap: /(?:^|\n)(?:\* BYE\b.*\r?\n[^\s*+]+ OK\b.*|[^\s*+]+ OK\b.*log ?out.*)\r?\n$/i,
  pop3: /(?:^|\n)\+OK\b.*\r?\n$/i,
} as const;

/**
 * Whether a client that has ended its side waits for nothing more: the tag of its last command stands before the last
 * line of the server, or the server waits for more of the command. Of POP3, which has no tags, nobody can tell.
 * @param asked what the client said last, from wherever
 */
export function isAnswered(asked: string, said: Buffer): boolean {
  const last = /(?:^|\n)([^\n]*?)\r?\n$/.exec(said.toString('latin1'))?.[1];
  if (last === undefined) return false;
  if (/^\+(?: |$)/.test(last)) return true;
  const tag = /(?:^|\n)([^\s*+]+) [^\n]*\n$/.exec(asked)?.[1];
  return tag !== undefined && last.startsWith(`${tag} `);
}

/** What a session that was passed through ended with, where it was not the client that ended it; for the log. */
export function failureAtEnd(
  protocol: 'imap' | 'pop3',
  mailbox: string,
  { endedBy, lastWords }: JoinResult,
): BridgeError | undefined {
  if (endedBy !== 'upstream') return undefined;
  const said = lastWords.toString('latin1');
  if (signedOff[protocol].test(said)) return undefined;
  const farewell = /(?:^|\n)(?:\* BYE|-ERR)\b ?(.*?)\r?\n$/i.exec(said)?.[1]?.slice(0, 200);
  const details = { mailbox, ...(farewell !== undefined && { said: farewell }) };
  if (farewell !== undefined && /AccessTokenExpired|session invalidated/i.test(farewell)) {
    return new BridgeError('mailbox-session-expired', `The token of a session with ${mailbox} has expired.`, {
      details,
    });
  }
  const why = farewell === undefined ? 'without a word' : `saying: ${farewell}`;
  return new BridgeError('mailbox-session-ended', `Microsoft 365 ended a session with ${mailbox} ${why}`, { details });
}
