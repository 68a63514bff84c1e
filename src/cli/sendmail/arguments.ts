import { exitCodes, SendmailError } from './exit.ts';

/** The request of a sendmail command line. */
export interface SendmailArguments {
  readonly mode: 'send' | 'print-queue' | 'retry-queue' | 'new-aliases' | 'help';
  /** As given, in order; each may name several, separated by commas. */
  readonly recipients: readonly string[];
  /** -t: To, Cc and Bcc of the message also name recipients. */
  readonly fromHeader: boolean;
  /** -i: a line with a single dot does not end the message. */
  readonly ignoreDots: boolean;
  /** -f or -r: the reverse-path. */
  readonly sender?: string;
  /** -F: the name for a From field if the message has none. */
  readonly name?: string;
  readonly account?: string;
  readonly config?: string;
  /** `HOST:PORT` of the listener, instead of a configuration. */
  readonly server?: string;
  /** The reverse-path if -f gives no complete address. */
  readonly defaultSender?: string;
}

type Collected = { -readonly [K in keyof SendmailArguments]: SendmailArguments[K] } & { recipients: string[] };

/** Options whose value is the rest of the argument, or the next one, as in Postfix and Sendmail. */
const withValue = 'ABCDFLNORVXbefhopr';
const withoutValue = 'GIUcimnstvx';
const modes: Readonly<Record<string, SendmailArguments['mode']>> = {
  m: 'send',
  p: 'print-queue',
  i: 'new-aliases',
};
const longOptions: Readonly<Record<string, 'account' | 'config' | 'server' | 'defaultSender'>> = {
  '--account': 'account',
  '--config': 'config',
  '--server': 'server',
  '--sender': 'defaultSender',
};

/**
 * Reads the arguments of /usr/sbin/sendmail. Options for a way of delivery or of error reports mean nothing here and
 * are ignored.
 * @throws SendmailError EX_USAGE
 */
export function readSendmailArguments(args: readonly string[]): SendmailArguments {
  const collected: Collected = { mode: 'send', recipients: [], fromHeader: false, ignoreDots: false };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      collected.recipients.push(...rest);
      break;
    }
    if (arg.startsWith('--')) longOption(arg, rest, collected);
    else if (arg.startsWith('-') && arg !== '-') letters(arg.slice(1), rest, collected);
    else collected.recipients.push(arg);
  }
  return collected;
}

function longOption(arg: string, rest: string[], collected: Collected): void {
  if (arg === '--help') {
    collected.mode = 'help';
    return;
  }
  const [name = '', ...value] = arg.split('=');
  const key = Object.hasOwn(longOptions, name) ? longOptions[name] : undefined;
  if (!key) throw new SendmailError(exitCodes.usage, `there is no option ${name}`);
  collected[key] = value.length > 0 ? value.join('=') : takeValue(name, rest);
}

/** One argument may contain several options: `-ti`. */
function letters(text: string, rest: string[], collected: Collected): void {
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    // -q alone, or with an interval, which the bridge decides itself.
    if (letter === 'q') {
      collected.mode = 'retry-queue';
      return;
    }
    if (withValue.includes(letter)) {
      const attached = text.slice(at + 1);
      optionWithValue(letter, attached === '' ? takeValue(`-${letter}`, rest) : attached, collected);
      return;
    }
    if (!withoutValue.includes(letter)) throw new SendmailError(exitCodes.usage, `there is no option -${letter}`);
    if (letter === 't') collected.fromHeader = true;
    if (letter === 'i') collected.ignoreDots = true;
  }
}

function optionWithValue(letter: string, value: string, collected: Collected): void {
  if (letter === 'f' || letter === 'r') collected.sender = value;
  if (letter === 'F') collected.name = value;
  if (letter === 'o' && value.startsWith('i')) collected.ignoreDots = true;
  if (letter === 'b') collected.mode = modeOf(value);
}

function modeOf(letter: string): SendmailArguments['mode'] {
  const mode = Object.hasOwn(modes, letter) ? modes[letter] : undefined;
  if (mode) return mode;
  const instead = letter === 's' ? ': connect to the SMTP listener of the bridge instead' : '';
  throw new SendmailError(exitCodes.usage, `-b${letter} is not available${instead}`);
}

function takeValue(name: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new SendmailError(exitCodes.usage, `${name} needs a value`);
  return value;
}
