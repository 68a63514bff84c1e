import { BridgeError } from '../../../base/errors.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from '../../../graph/client/error.ts';
import { draftsWarning } from '../drafts-warning.ts';
import type { MailboxContext } from '../mailbox-context.ts';
import { grantRemedy, heldPermission, openingRemedy, permissionFor } from '../permissions.ts';
import { graphUser, type Use } from '../subject.ts';
import type { Finding, Hop } from './hop.ts';

/** The key of the hop for a mailbox. */
export function graphHopKey(kind: Use['kind'], mailbox: string): string {
  return `mailbox graph ${kind} ${mailbox}`;
}

/** Whether Graph grants the token access to a mailbox, for reading or for sending. */
export function graphHop(context: MailboxContext, use: Use): Hop {
  const { kind, mailbox, accounts } = use;
  return {
    key: graphHopKey(kind, mailbox),
    name: 'mailbox',
    target: `${mailbox} by Graph, ${kind === 'send' ? 'sending' : 'reading'}`,
    accounts,
    needs: ['tls graph', `permission ${kind} graph`],
    run: async () => {
      try {
        return kind === 'send' ? await tryToSend(context, mailbox) : await readInbox(context, mailbox);
      } catch (error) {
        throw graphFailure(context, use, error);
      }
    },
  };
}

/**
 * Asks Graph to send nothing: a request without a message, which can only be refused. Graph first checks whether the
 * app may send at all, so the refusal shows that.
 */
async function tryToSend(context: MailboxContext, mailbox: string): Promise<Finding> {
  const path = `${graphUser(context.connection, mailbox)}/sendMail`;
  try {
    await context.operations.graph({ method: 'POST', path, json: '{}' });
  } catch (error) {
    if (!(error instanceof GraphError) || error.status !== 400) throw error;
  }
  const warning = await draftsWarning(context, mailbox);
  const detail = 'sending is not refused; only a message proves it: --send-test ADDRESS';
  return { detail, ...(warning !== undefined && { warning }) };
}

async function readInbox({ connection, operations }: MailboxContext, mailbox: string): Promise<Finding> {
  const user = graphUser(connection, mailbox);
  await operations.graph({ method: 'GET', path: `${user}/mailFolders/inbox/messages?$top=1&$select=id` });
  return { detail: 'Inbox opened' };
}

function graphFailure(context: MailboxContext, use: Use, error: unknown): unknown {
  if (error instanceof GraphTokenError) return error.cause;
  if (error instanceof GraphUnansweredError) return error.cause ?? error;
  if (!(error instanceof GraphError)) return error;
  const { mailbox } = use;
  const said = `${error.status} ${error.code}: ${error.message}`;
  if (error.status === 429 || error.status >= 500) {
    const wait = error.retryAfterMs === undefined ? '' : ` It asks to wait ${Math.ceil(error.retryAfterMs / 1000)} s.`;
    const busy = error.status === 429 ? 'throttles the app or the mailbox' : 'has a problem';
    return new BridgeError('graph-unavailable', `Microsoft Graph ${busy}.${wait}`, { details: { said } });
  }
  if (error.status === 404) {
    const text = /RESTAPI|HostedInExchangeOnline/i.test(error.code)
      ? `${mailbox} is not a mailbox in Exchange Online: no licence, not set up yet, or on premises.`
      : `Microsoft 365 does not know the mailbox ${mailbox}.`;
    return new BridgeError('graph-mailbox-unknown', text, { details: { said } });
  }
  if (error.status === 403) return denied(context, use, said);
  return new BridgeError('graph-mailbox-refused', `Microsoft Graph refuses ${mailbox}: ${said}`, {
    remedy: 'Check tenantId, clientId and cloud of the connection.',
    details: { said },
  });
}

function denied({ connection, seen }: MailboxContext, use: Use, said: string): BridgeError {
  const { mailbox, kind } = use;
  const claims = seen.get('graph');
  const needed = permissionFor(connection, use);
  const held = claims && heldPermission(claims, needed);
  const details = { said, spreading: true };
  const code = 'graph-mailbox-refused';
  if (connection.actsAs === 'person') {
    const user = claims?.upn ?? 'the user who signed in';
    const right =
      kind === 'send'
        ? `Add-RecipientPermission ${mailbox} -Trustee ${user} -AccessRights SendAs (and the delegated permission Mail.Send.Shared)`
        : openingRemedy(mailbox, user);
    return new BridgeError(code, `${user} has no right to ${kind === 'send' ? 'send as' : 'read'} ${mailbox}.`, {
      remedy: right,
      details,
    });
  }
  if (held !== undefined) {
    const remedy = `Take ${mailbox} into the policy's group, or ask which one it is: Test-ApplicationAccessPolicy -AppId ${connection.clientId} -Identity ${mailbox}`;
    const text = `The token holds ${held}, but an application access policy keeps the app from ${mailbox}.`;
    return new BridgeError(code, text, { remedy, details });
  }
  return new BridgeError(
    code,
    `The token lacks ${needed.anyOf[0]}, and no Exchange role with ${mailbox} in its scope serves instead.`,
    {
      remedy: `(1) For these mailboxes only, the Exchange role "${needed.rbacRole}": mailbridge exchange-script ${connection.name} makes the script to run; Test-ServicePrincipalAuthorization -Identity ${claims?.oid ?? connection.clientId} -Resource ${mailbox} must then say InScope True for that role.\n(2) Or for every mailbox: ${grantRemedy(connection, needed)}`,
      details,
    },
  );
}
