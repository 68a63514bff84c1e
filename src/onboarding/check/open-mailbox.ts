import { BridgeError } from '../../base/errors.ts';
import { ConnectionEnded, LineReader, ReadTimeout } from '../../base/sockets/line-reader.ts';
import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import { refusalError } from '../../exchange/reading/connect-refusal.ts';
import type { Finding } from './hops/hop.ts';
import type { CheckOperations } from './operations.ts';

const answerTimeoutMs = 30_000;
const maxLineBytes = 32 * 1024;

/**
 * Opens INBOX over IMAP without changing anything: AUTHENTICATE alone proves nothing, because Exchange refuses the
 * mailbox later.
 * @throws BridgeError `mailbox-not-connected`, `mailbox-login-refused` …
 */
export async function examineInbox(operations: Pick<CheckOperations, 'openMailbox'>, mailbox: string) {
  return converse(await operations.openMailbox('imap', mailbox), mailbox, 'e2 LOGOUT', async (send, line) => {
    send('e1 EXAMINE INBOX');
    let messages = 0;
    for (;;) {
      const said = await line();
      messages = Number(/^\* (\d+) EXISTS/i.exec(said)?.[1] ?? messages);
      const bye = /^\* BYE (.*)$/i.exec(said)?.[1];
      if (bye !== undefined) throw refusalError({ mailbox, said: `BYE ${bye}`, atLogin: false });
      const tagged = /^e1 (OK|NO|BAD) ?(.*)$/i.exec(said);
      if (tagged?.[1]?.toUpperCase() === 'OK') return { detail: countOf(messages) };
      if (tagged) throw refusalError({ mailbox, said: `${tagged[1]} ${tagged[2]}`, atLogin: true });
    }
  });
}

/** Counts the messages over POP3. @throws BridgeError `mailbox-login-refused` … */
export async function statMaildrop(operations: Pick<CheckOperations, 'openMailbox'>, mailbox: string) {
  return converse(await operations.openMailbox('pop3', mailbox), mailbox, 'QUIT', async (send, line) => {
    send('STAT');
    const said = await line();
    const messages = /^\+OK (\d+)/i.exec(said)?.[1];
    if (messages === undefined) throw refusalError({ mailbox, said, atLogin: true });
    return { detail: countOf(Number(messages)) };
  });
}

function countOf(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`;
}

async function converse(
  { socket, unread }: OpenUpstream,
  mailbox: string,
  farewell: string,
  dialogue: (send: (text: string) => void, line: () => Promise<string>) => Promise<Finding>,
): Promise<Finding> {
  if (unread.length > 0) socket.unshift(unread);
  const reader = new LineReader(socket, answerTimeoutMs);
  try {
    return await dialogue(
      (text) => socket.write(`${text}\r\n`),
      async () => (await reader.line(maxLineBytes)).toString(),
    );
  } catch (error) {
    if (error instanceof ReadTimeout) throw new BridgeError('upstream-timeout', `No answer about ${mailbox} in time.`);
    if (error instanceof ConnectionEnded) {
      throw new BridgeError('upstream-connection-lost', `The connection to ${mailbox} was ended in the middle.`);
    }
    throw error;
  } finally {
    reader.detach();
    socket.end(`${farewell}\r\n`, () => socket.destroy());
  }
}
