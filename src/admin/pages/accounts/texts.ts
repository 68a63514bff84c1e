import type { ShownAccount, ShownAccountKind } from '../contract.ts';
import { moment } from '../parts/times.ts';

/** `graph, then smtp; imap`: how mail is sent and how a mailbox is read. */
export function wayText({ send, read }: Pick<ShownAccount, 'send' | 'read'>): string {
  const out = send === null ? 'does not send' : send.join(', then ');
  return `${out}; ${read ?? 'does not read'}`;
}

/** When somebody last logged in. */
export function lastUseText(lastUse: string | null): unknown {
  return lastUse === null ? 'not used since the bridge started' : moment(lastUse);
}

export const kindTexts: Readonly<Record<ShownAccountKind, string>> = {
  one: 'One login',
  many: 'Everybody at a domain',
};
