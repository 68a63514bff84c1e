import { BridgeError } from '../../base/errors.ts';
import { type MessageState, messageStates } from '../../queue/message.ts';
import type { QueueFilter } from '../../queue/store.ts';

/** The options that select messages. */
export const filterOptions = {
  account: { type: 'string' },
  connection: { type: 'string' },
  mailbox: { type: 'string' },
  sender: { type: 'string' },
  subject: { type: 'string' },
  'message-id': { type: 'string' },
  recipient: { type: 'string' },
  state: { type: 'string', multiple: true },
  error: { type: 'string' },
  'older-than': { type: 'string' },
  'newer-than': { type: 'string' },
} as const;

/** Values of {@link filterOptions}. */
export interface FilterValues {
  readonly account?: string | undefined;
  readonly connection?: string | undefined;
  readonly mailbox?: string | undefined;
  readonly sender?: string | undefined;
  readonly subject?: string | undefined;
  readonly 'message-id'?: string | undefined;
  readonly recipient?: string | undefined;
  readonly state?: readonly string[] | undefined;
  readonly error?: string | undefined;
  readonly 'older-than'?: string | undefined;
  readonly 'newer-than'?: string | undefined;
}

/**
 * The messages that a command line selects; empty if it names none.
 * @throws BridgeError `usage`
 */
export function filterOf(ids: readonly string[], values: FilterValues, nowMs: number): QueueFilter {
  const { account, connection, mailbox, sender, subject, recipient, error } = values;
  const olderMs = ageOption('older-than', values['older-than']);
  const newerMs = ageOption('newer-than', values['newer-than']);
  return {
    ...(ids.length > 0 ? { ids } : {}),
    ...(account === undefined ? {} : { account }),
    ...(connection === undefined ? {} : { connection }),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(sender === undefined ? {} : { sender: bare(sender) }),
    ...(subject === undefined ? {} : { subject }),
    ...(values['message-id'] === undefined ? {} : { messageId: values['message-id'] }),
    ...(recipient === undefined ? {} : { recipient: bare(recipient) }),
    ...(error === undefined ? {} : { error }),
    ...(values.state === undefined ? {} : { states: values.state.map(stateOption) }),
    ...(olderMs === undefined ? {} : { receivedBeforeMs: nowMs - olderMs }),
    ...(newerMs === undefined ? {} : { receivedSinceMs: nowMs - newerMs }),
  };
}

/** Addresses are often copied with their angle brackets. */
function bare(address: string): string {
  return address.replace(/^<(.*)>$/, '$1');
}

function stateOption(text: string): MessageState {
  const state = messageStates.find((each) => each === text);
  if (state) return state;
  throw new BridgeError('usage', `--state needs ${messageStates.join(', ')}, not "${text}".`);
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function ageOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) {
    throw new BridgeError('usage', `--${name} needs a time such as 30m, 2h or 3d, not "${text}".`);
  }
  return Number(count) * unitsMs[unit as keyof typeof unitsMs];
}
