import { BridgeError } from '../../../base/errors.ts';
import { couriers } from '../../../couriers/registry.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from '../../../graph/client/error.ts';
import { mailReadWriteRemedy } from '../drafts-warning.ts';
import type { MailboxContext } from '../mailbox-context.ts';
import { examineInbox } from '../open-mailbox.ts';
import { type CheckedAccount, type CheckedConnection, graphUser } from '../subject.ts';
import type { Finding, Hop } from './hop.ts';

/** Whether copies of sent mail can be removed, for each mailbox whose accounts want that. */
export function sentItemsHops(context: MailboxContext): Hop[] {
  return [...Map.groupBy(removing(context.connection), ({ mailbox }) => mailbox.toLowerCase()).values()].map(
    (accounts) => {
      const [{ mailbox }] = accounts as [CheckedAccount, ...CheckedAccount[]];
      return {
        key: `sent items ${mailbox.toLowerCase()}`,
        name: 'mailbox',
        target: `${mailbox}, removing from Sent Items`,
        accounts: accounts.map(({ username }) => username),
        needs: ['configuration'],
        run: async () => tryToRemove(context, await keeperOf(context, accounts, mailbox)),
      };
    },
  );
}

function removing({ accounts }: CheckedConnection): CheckedAccount[] {
  return accounts.filter(({ send, sentItems }) => send !== undefined && sentItems === 'remove');
}

/** Whose Sent Items contain the copies: for mail that a person sends over SMTP, those of the login. */
function keeperOf(
  { connection, operations }: MailboxContext,
  accounts: readonly CheckedAccount[],
  mailbox: string,
): string | Promise<string> {
  const places = accounts.flatMap(({ send = [] }) => send.flatMap((courier) => couriers[courier].copiesAt));
  return connection.actsAs === 'app' || places.includes('mailbox') ? mailbox : operations.submissionLogin(mailbox);
}

/** Like the bridge: through Graph, else over IMAP. */
async function tryToRemove(context: MailboxContext, mailbox: string): Promise<Finding> {
  if (await mayRemoveByGraph(context, mailbox)) return { detail: 'may be removed by Graph' };
  try {
    await examineInbox(context.operations, mailbox);
    return { detail: 'may be removed by IMAP' };
  } catch {
    // Of the two ways, the first is the one to enable.
  }
  throw new BridgeError(
    'sent-items-not-removable',
    `The bridge may remove the copies of sent mail of ${mailbox} neither by Graph nor by IMAP: they stay.`,
    { remedy: mailReadWriteRemedy(context, mailbox), details: { spreading: true } },
  );
}

/**
 * Asks to delete a message that does not exist: a caller without permission is refused before the message is looked
 * for.
 */
async function mayRemoveByGraph({ connection, operations }: MailboxContext, mailbox: string): Promise<boolean> {
  const user = graphUser(connection, mailbox);
  try {
    await operations.graph({ method: 'GET', path: `${user}/mailFolders/sentitems/messages?$top=1&$select=id` });
    await operations.graph({ method: 'POST', path: `${user}/messages/AAMkAGI2AAA=/permanentDelete` });
    return true;
  } catch (error) {
    if (error instanceof GraphTokenError) return false;
    if (error instanceof GraphUnansweredError) throw error.cause ?? error;
    if (!(error instanceof GraphError)) throw error;
    if (error.status === 429 || error.status >= 500) {
      throw new BridgeError('graph-unavailable', 'Microsoft Graph has a problem.', {
        details: { said: `${error.status} ${error.code}: ${error.message}` },
      });
    }
    return ![401, 403].includes(error.status) && !isOfList(error);
  }
}

/** The mailbox does not exist: for a missing message Exchange uses other words. */
function isOfList({ status, code }: GraphError): boolean {
  return status === 404 && /InvalidUser|MailboxNotEnabled|RESTAPI|HostedIn/i.test(code);
}
