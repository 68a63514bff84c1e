import { BridgeError } from '../../base/errors.ts';
import { safeLine } from '../../base/visible.ts';
import { encodeXoauth2 } from '../../sasl/xoauth2.ts';
import { type OpenUpstream, type UpstreamDialogue, type UpstreamLogin, withFreshToken } from './connect.ts';
import { refusalError } from './connect-refusal.ts';
import { KnownCapabilities } from './known-capabilities.ts';

/** Cached because asking at each login would cost a round trip, too. */
const offeredAfterLogin = new KnownCapabilities();

/** Servers known to accept the first SASL message with the command: asking again would cost each login a round trip. */
const takesInitialResponse = new Map<string, boolean>();

/**
 * Opens an IMAP connection to a mailbox with XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP connection using
 * OAuth"). A refused token is replaced once.
 * @throws BridgeError `upstream-…`, `xoauth2-not-offered`, `mailbox-login-refused`, `mailbox-connections-exceeded`,
 *   `mailbox-login-unavailable`, or what `getToken` throws
 */
export function openImapUpstream(options: UpstreamLogin): Promise<OpenUpstream> {
  return withFreshToken(options, async (dialogue, token) => {
    const greeting = await greet(dialogue, options);
    if (options.security === 'starttls') {
      const answer = await command(dialogue, options, 'S1', 'STARTTLS');
      if (answer.status !== 'OK') throw refused(dialogue, options, answer.text, false);
      await dialogue.startTls();
    }
    const capabilities = (await authenticate(dialogue, options, token)) ?? (await askCapabilities(dialogue, options));
    return { ...dialogue.release(), greeting, capabilities };
  });
}

async function greet(dialogue: UpstreamDialogue, options: UpstreamLogin): Promise<string> {
  const greeting = await dialogue.line();
  if (/^\* OK\b/i.test(greeting)) return greeting;
  if (/^\* (BYE|NO|BAD)\b/i.test(greeting)) throw refused(dialogue, options, greeting.slice(2), false);
  throw unexpected(dialogue, greeting);
}

async function authenticate(
  dialogue: UpstreamDialogue,
  options: UpstreamLogin,
  token: string,
): Promise<string | undefined> {
  const response = encodeXoauth2({ username: options.mailbox, accessToken: token }).toString('base64');
  if (await offersInitialResponse(dialogue, options)) {
    dialogue.send(`A1 AUTHENTICATE XOAUTH2 ${response}`);
  } else {
    dialogue.send('A1 AUTHENTICATE XOAUTH2');
    const prompt = await next(dialogue, options, 'A1');
    if (prompt.kind !== 'continuation') throw refused(dialogue, options, prompt.text, true);
    dialogue.send(response);
  }
  return outcome(dialogue, options);
}

/** Reads up to the tagged answer; answers an error challenge with an empty line to get it. */
async function outcome(dialogue: UpstreamDialogue, options: UpstreamLogin): Promise<string | undefined> {
  let challenge: string | undefined;
  let untagged: string | undefined;
  for (;;) {
    const answer = await next(dialogue, options, 'A1', (line) => {
      untagged = /^\* CAPABILITY (.*)$/i.exec(line)?.[1] ?? untagged;
    });
    if (answer.kind === 'continuation') {
      if (challenge !== undefined) throw unexpected(dialogue, answer.text);
      challenge = answer.text;
      dialogue.send('');
    } else if (answer.status === 'OK') {
      const capabilities = /^\[CAPABILITY ([^\]]*)\]/i.exec(answer.text)?.[1] ?? untagged;
      // The client is sent them.
      return capabilities && safeLine(capabilities);
    } else {
      throw refused(dialogue, options, answer.text, true, challenge);
    }
  }
}

/** Capabilities after login of a server that does not report them unasked; asked once an hour. */
async function askCapabilities(dialogue: UpstreamDialogue, options: UpstreamLogin): Promise<string | undefined> {
  const known = offeredAfterLogin.get(dialogue.peer, options.mailbox);
  if (known !== undefined) return known;
  let told: string | undefined;
  const { status } = await command(dialogue, options, 'C2', 'CAPABILITY', (line) => {
    told = /^\* CAPABILITY (.*)/i.exec(line)?.[1] ?? told;
  });
  if (status !== 'OK' || told === undefined) return undefined;
  const capabilities = safeLine(told);
  offeredAfterLogin.set(dialogue.peer, options.mailbox, capabilities);
  return capabilities;
}

async function offersInitialResponse(dialogue: UpstreamDialogue, options: UpstreamLogin): Promise<boolean> {
  const known = takesInitialResponse.get(dialogue.peer);
  if (known !== undefined) return known;
  let capabilities = '';
  const answer = await command(dialogue, options, 'C1', 'CAPABILITY', (line) => {
    capabilities = /^\* CAPABILITY (.*)$/i.exec(line)?.[1]?.toUpperCase() ?? capabilities;
  });
  if (answer.status !== 'OK') throw refused(dialogue, options, answer.text, false);
  const words = capabilities.split(' ');
  if (!words.includes('AUTH=XOAUTH2')) {
    throw new BridgeError('xoauth2-not-offered', `${dialogue.peer} does not offer to log in with XOAUTH2.`, {
      remedy: 'Check host and port of the IMAP endpoint: outlook.office365.com, port 993.',
      details: { peer: dialogue.peer, capabilities: capabilities.slice(0, 500) },
    });
  }
  takesInitialResponse.set(dialogue.peer, words.includes('SASL-IR'));
  return words.includes('SASL-IR');
}

/** The whole line and its parts. */
type TaggedLine = readonly [line: string, tag: string, status: 'OK' | 'NO' | 'BAD', text: string];

type Answer =
  | { readonly kind: 'continuation'; readonly text: string }
  | { readonly kind: 'tagged'; readonly status: 'OK' | 'NO' | 'BAD'; readonly text: string };

async function command(
  dialogue: UpstreamDialogue,
  options: UpstreamLogin,
  tag: string,
  text: string,
  untagged?: (line: string) => void,
): Promise<Answer & { kind: 'tagged' }> {
  dialogue.send(`${tag} ${text}`);
  const answer = await next(dialogue, options, tag, untagged);
  if (answer.kind === 'continuation') throw unexpected(dialogue, answer.text);
  return answer;
}

/** Reads the next line that concerns the command: a continuation request or the tagged answer. */
async function next(
  dialogue: UpstreamDialogue,
  options: UpstreamLogin,
  tag: string,
  untagged?: (line: string) => void,
): Promise<Answer> {
  for (;;) {
    const line = await dialogue.line();
    if (line.startsWith('+')) return { kind: 'continuation', text: line.slice(1).trim() };
    if (/^\* BYE\b/i.test(line)) throw refused(dialogue, options, line.slice(2), false);
    if (line.startsWith('* ')) {
      untagged?.(line);
      continue;
    }
    const tagged = /^(\S+) (OK|NO|BAD)\b ?(.*)$/i.exec(line) as TaggedLine | null;
    if (tagged?.[1] !== tag) throw unexpected(dialogue, line);
    return { kind: 'tagged', status: tagged[2].toUpperCase() as TaggedLine[2], text: tagged[3] };
  }
}

function refused(
  dialogue: UpstreamDialogue,
  options: UpstreamLogin,
  said: string,
  atLogin: boolean,
  challenge?: string,
): BridgeError {
  const { peer } = dialogue;
  // The server may have changed what it accepts.
  takesInitialResponse.delete(peer);
  return refusalError({ peer, mailbox: options.mailbox, said, atLogin, ...(challenge !== undefined && { challenge }) });
}

function unexpected(dialogue: UpstreamDialogue, line: string): BridgeError {
  return new BridgeError('upstream-answer-invalid', `${dialogue.peer} does not answer like an IMAP server.`, {
    details: { peer: dialogue.peer, said: line.slice(0, 100) },
  });
}
