import { BridgeError } from '../../base/errors.ts';
import { encodeXoauth2 } from '../../sasl/xoauth2.ts';
import { type OpenUpstream, type UpstreamDialogue, type UpstreamLogin, withFreshToken } from './connect.ts';
import { refusalError } from './connect-refusal.ts';

/**
 * Opens a POP3 connection to a mailbox with XOAUTH2, in the two-line form, the only one that Exchange accepts
 * (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"). A refused token is replaced once.
 * @throws BridgeError `upstream-…`, `mailbox-login-refused`, `mailbox-connections-exceeded`,
 *   `mailbox-login-unavailable`, or what `getToken` throws
 */
export function openPop3Upstream(options: UpstreamLogin): Promise<OpenUpstream> {
  return withFreshToken(options, async (dialogue, token) => {
    const greeting = await expectOk(dialogue, options, false);
    if (options.security === 'starttls') {
      dialogue.send('STLS');
      await expectOk(dialogue, options, false);
      await dialogue.startTls();
    }
    dialogue.send('AUTH XOAUTH2');
    const prompt = await dialogue.line();
    if (!isChallenge(prompt)) throw failed(dialogue, options, prompt, true);
    dialogue.send(encodeXoauth2({ username: options.mailbox, accessToken: token }).toString('base64'));
    await outcome(dialogue, options);
    return { ...dialogue.release(), greeting, capabilities: undefined };
  });
}

/** Answers an error challenge with an empty line to get the refusal. */
async function outcome(dialogue: UpstreamDialogue, options: UpstreamLogin): Promise<void> {
  const answer = await dialogue.line();
  if (!isChallenge(answer)) return assertOk(dialogue, options, answer, true);
  dialogue.send('');
  throw failed(dialogue, options, await dialogue.line(), true, answer.slice(1).trim());
}

async function expectOk(dialogue: UpstreamDialogue, options: UpstreamLogin, atLogin: boolean): Promise<string> {
  const line = await dialogue.line();
  assertOk(dialogue, options, line, atLogin);
  return line;
}

function assertOk(dialogue: UpstreamDialogue, options: UpstreamLogin, line: string, atLogin: boolean): void {
  if (!/^\+OK\b/i.test(line)) throw failed(dialogue, options, line, atLogin);
}

function isChallenge(line: string): boolean {
  return line === '+' || line.startsWith('+ ');
}

function failed(
  dialogue: UpstreamDialogue,
  { mailbox }: UpstreamLogin,
  line: string,
  atLogin: boolean,
  challenge?: string,
): BridgeError {
  const { peer } = dialogue;
  const said = /^-ERR\b ?(.*)$/i.exec(line)?.[1];
  if (said === undefined) {
    return new BridgeError('upstream-answer-invalid', `${peer} does not answer like a POP3 server.`, {
      details: { peer, said: line.slice(0, 100) },
    });
  }
  return refusalError({ peer, mailbox, said, atLogin, ...(challenge !== undefined && { challenge }) });
}
