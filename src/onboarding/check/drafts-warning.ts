import { GraphError } from '../../graph/client/error.ts';
import { usePermissions } from '../permissions.ts';
import type { MailboxContext } from './mailbox-context.ts';
import { grantRemedy, openingRemedy } from './permissions.ts';
import { graphUser } from './subject.ts';

/**
 * Sending through Graph works without Mail.ReadWrite, but not completely.
 * @returns what is lost and how to fix it; undefined if nothing is, or if that is unknown
 */
export async function draftsWarning(context: MailboxContext, mailbox: string): Promise<string | undefined> {
  if (!lacksScope(context) && (await opensDrafts(context, mailbox))) return undefined;
  return `Mail.ReadWrite is missing for ${mailbox}: large messages, which go up as drafts, go by SMTP if that is open and otherwise come back (message-not-sendable-by-graph), and Sent Items cannot be looked at before a message is sent again. ${mailReadWriteRemedy(context, mailbox)}`;
}

/** A person's token names all its permissions; an app's Exchange role appears in no token. */
function lacksScope({ connection, seen }: MailboxContext): boolean {
  const scopes = connection.actsAs === 'person' ? seen.get('graph')?.scopes : undefined;
  return scopes !== undefined && !scopes.includes('Mail.ReadWrite') && !scopes.includes('Mail.ReadWrite.Shared');
}

/**
 * Only reads, because that leaves no trace. So an app with only Mail.Read passes: only writing would show the
 * difference.
 */
async function opensDrafts({ connection, operations }: MailboxContext, mailbox: string): Promise<boolean> {
  const drafts = `${graphUser(connection, mailbox)}/mailFolders/drafts`;
  try {
    await operations.graph({ method: 'GET', path: `${drafts}/messages?$top=1&$select=id` });
    return true;
  } catch (error) {
    return !(error instanceof GraphError && error.status === 403);
  }
}

/** How the bridge gets Mail.ReadWrite for a mailbox. */
export function mailReadWriteRemedy(context: MailboxContext, mailbox: string): string {
  const { connection, seen } = context;
  const needed = usePermissions[connection.actsAs].read.graph;
  const grant = grantRemedy(connection, needed);
  if (connection.actsAs === 'app') {
    return `The Exchange role "${needed.rbacRole}" gives it for these mailboxes only: mailbridge exchange-script ${connection.name} makes the script to run. Or for every mailbox: ${grant}`;
  }
  if (lacksScope(context)) return `${grant} If scopes of the connection is set, name it there too.`;
  return openingRemedy(mailbox, seen.get('graph')?.upn ?? 'USER');
}
