import type { ShownAccount } from '../contract.ts';
import { moment } from '../parts/times.ts';
import { html } from '../vendor/lit-html/lit-html.js';

/** `graph, then smtp; imap`: how mail goes out and what a mailbox is read by. */
export function wayText({ send, read }: Pick<ShownAccount, 'send' | 'read'>): string {
  const out = Array.isArray(send) ? send.join(', then ') : typeof send === 'string' ? send : 'does not send';
  return `${out}; ${read ?? 'does not read'}`;
}

/** When somebody logged in last, or used a network; by what, where that is known. */
export function lastUseText(lastUse: unknown): unknown {
  if (!lastUse) return 'never since the start';
  if (typeof lastUse === 'string') return moment(lastUse);
  const { at, protocol } = lastUse as { readonly at?: string; readonly protocol?: string };
  return html`${moment(at)}${protocol ? ` by ${protocol.toUpperCase()}` : ''}`;
}
