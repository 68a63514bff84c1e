import { couriers } from '../../couriers/registry.ts';
import type { CourierKind } from '../../message/courier-kind.ts';

/** A line of the bridge's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly level: number };

/** What the bridge did for a program of the visitor, in one line; undefined if it is of no interest. */
export function visitorLine(line: LogLine): string | undefined {
  const { msg, id, account, from, to, size, courier, mailbox, username, protocol, client } = line;
  if (msg === 'accepted') {
    const recipients = typeof to === 'number' ? `${to} recipients` : to;
    return `✓ accepted from ${account}: ${from === '' ? '<>' : from} to ${recipients}, ${size} bytes, as ${id}`;
  }
  if (msg === 'delivered') return `✓ delivered from ${mailbox} by ${couriers[courier as CourierKind].shortName}: ${id}`;
  if (msg === 'mailbox opened') return `✓ ${username} reads ${mailbox} by ${String(protocol).toUpperCase()}`;
  if (line.level < 40 && msg !== 'refused' && msg !== 'deferred') return undefined;
  const { code, status, text, remedy } = line;
  const who = [username ?? account, client && `from ${client}`].filter(Boolean).join(' ');
  const parts = [who === '' ? msg : `${msg} (${who})`, status, code, text, remedy];
  return `✗ ${parts.filter((part) => part !== undefined && part !== '').join(' ')}`;
}
