import { BridgeError } from '../base/errors.ts';
import type { JoinResult } from './join.ts';

/** The answer to LOGOUT, with or without its BYE in the same packet, and to QUIT. */
const signedOff = {
  imap: /(?:^|\n)(?:\* BYE\b.*\r?\n[^\s*+]+ OK\b.*|[^\s*+]+ OK\b.*log ?out.*)\r?\n$/i,
  pop3: /(?:^|\n)\+OK\b.*\r?\n$/i,
} as const;

/** Why a passed-through session ended, unless the client ended it; for the log. */
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
  const why = farewell === undefined ? 'without saying why' : `saying: ${farewell}`;
  return new BridgeError('mailbox-session-ended', `Microsoft 365 ended a session with ${mailbox} ${why}`, { details });
}
