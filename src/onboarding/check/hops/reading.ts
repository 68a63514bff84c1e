import { BridgeError } from '../../../base/errors.ts';
import type { MailboxContext } from '../mailbox-context.ts';
import { explainRefusal } from '../mailbox-suspects.ts';
import { examineInbox, statMaildrop } from '../open-mailbox.ts';
import type { ReadUse } from '../subject.ts';
import type { Hop } from './hop.ts';

/** Logs in to a mailbox over IMAP or POP3 and does something harmless in it. */
export function readingHop(context: MailboxContext, use: ReadUse & { readonly by: 'imap' | 'pop3' }): Hop {
  const { by, mailbox, accounts } = use;
  const open = by === 'imap' ? examineInbox : statMaildrop;
  return {
    key: `mailbox ${by} ${mailbox}`,
    name: 'mailbox',
    target: `${mailbox} by ${by === 'imap' ? 'IMAP' : 'POP3'}`,
    accounts,
    needs: [`tls ${by}`, `permission read ${by}`],
    run: async () => {
      try {
        const found = await open(context.operations, mailbox);
        context.opened.add(by);
        return found;
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        throw await explainRefusal(context, by, mailbox, error);
      }
    },
  };
}
