import { BridgeError } from '../../../base/errors.ts';
import { httpFailure } from '../../../base/http/failure.ts';
import { isPersonalTenant } from '../../../base/personal-accounts.ts';
import { SmtpUpstreamError } from '../../../exchange/smtp/error.ts';
import { formatSmtpReply, type UpstreamReply } from '../../../exchange/smtp/reply.ts';
import { sameAddress } from '../../../message/address/address.ts';
import type { MailboxContext } from '../mailbox-context.ts';
import { servicePrincipalSuspect } from '../mailbox-suspects.ts';
import { grantRemedy, heldPermission, permissionFor } from '../permissions.ts';
import type { Use } from '../subject.ts';
import type { Hop } from './hop.ts';

/** The key of the hop for a mailbox. */
export function submissionHopKey(mailbox: string): string {
  return `mailbox smtp ${mailbox}`;
}

/** Logs in over SMTP for a mailbox, as the courier does. */
export function submissionHop(context: MailboxContext, use: Use): Hop {
  const { mailbox, accounts } = use;
  return {
    key: submissionHopKey(mailbox),
    name: 'mailbox',
    target: `${mailbox} by SMTP`,
    accounts,
    needs: ['tls smtp', 'permission send smtp'],
    run: async () => {
      const login = await context.operations.submissionLogin(mailbox);
      try {
        await context.operations.openSubmission(login);
        return { detail: loggedIn(login, mailbox, isPersonalTenant(context.connection.tenantId)) };
      } catch (error) {
        throw error instanceof SmtpUpstreamError ? submissionError(context, use, login, error) : error;
      }
    },
  };
}

/** Only a message shows whether Exchange lets the login send as another address. */
function loggedIn(login: string, mailbox: string, isPersonal: boolean): string {
  if (sameAddress(login, mailbox)) return 'logged in; only a message shows more: --send-test ADDRESS';
  if (isPersonal) return `logged in as ${login}, who sends only as addresses of that account: --send-test ADDRESS`;
  return `logged in as ${login}, who needs SendAs on ${mailbox} (Add-RecipientPermission ${mailbox} -Trustee ${login} -AccessRights SendAs); only a message shows whether it is there: --send-test ADDRESS`;
}

function submissionError(context: MailboxContext, use: Use, login: string, error: SmtpUpstreamError): unknown {
  const { host, port } = context.connection.smtp;
  const peer = `${host}:${port}`;
  if (error.reply !== undefined) return replyError(context, use, login, error.reply);
  if (error.systemCode === 'EAUTH') {
    return new BridgeError('xoauth2-not-offered', `${peer} does not offer to log in with XOAUTH2.`);
  }
  const failure = httpFailure(Object.assign(new Error(error.message), { code: error.systemCode }), peer);
  return failure instanceof BridgeError
    ? failure
    : new BridgeError('upstream-unreachable', `${peer}: ${error.message}`);
}

function replyError(context: MailboxContext, use: Use, login: string, reply: UpstreamReply): BridgeError {
  const details = { said: formatSmtpReply(reply), spreading: true };
  const disabled = /SmtpClientAuthentication is disabled for the (Tenant|Mailbox)/i.exec(reply.text)?.[1];
  if (disabled !== undefined) {
    const whose = disabled.toLowerCase() === 'tenant' ? 'the whole tenant' : `the mailbox ${login}`;
    return new BridgeError('smtp-auth-disabled', `SMTP AUTH is switched off for ${whose}, and with it OAuth.`, {
      remedy: `Set-CASMailbox ${login} -SmtpClientAuthenticationDisabled $false (for the one mailbox; it overrides the tenant). Or set send of the account to graph, which needs no SMTP AUTH.`,
      details,
    });
  }
  if (reply.code < 500) {
    return new BridgeError('mailbox-login-unavailable', `Microsoft 365 does not serve ${login} by SMTP now.`, {
      details: { said: details.said },
    });
  }
  if (reply.enhanced === '5.7.139') {
    const policy = /security defaults/i.test(reply.text)
      ? 'The security defaults of the tenant lock the user out of SMTP.'
      : 'A Conditional Access or authentication policy refuses the login by SMTP.';
    return new BridgeError('submission-refused', policy, {
      remedy: `Exempt the app or ${login} from the policy, or use an app-only connection, or set send of the account to graph.`,
      details,
    });
  }
  const { cause, remedy } = permissionAdvice(context, use, login);
  const refused =
    context.connection.actsAs === 'person' ? `${login} log in by SMTP` : `the bridge send as ${use.mailbox}`;
  return new BridgeError('submission-refused', `Exchange does not let ${refused}. ${cause}`, {
    remedy,
    details,
  });
}

/** 535 5.7.3 gives no reason; the token shows which of Exchange's two permission models applies. */
function permissionAdvice(
  context: MailboxContext,
  use: Use,
  login: string,
): { readonly cause: string; readonly remedy: string } {
  const { connection, seen } = context;
  const { mailbox } = use;
  const claims = seen.get('exchange');
  const needed = permissionFor(connection, use);
  if (isPersonalTenant(connection.tenantId)) {
    return {
      cause: 'The mailbox is not that of the person who signed in, or the sign-in lacks SMTP.Send.',
      remedy: `Check mailbox of the account. Then sign in again as its owner: mailbridge login ${connection.name}`,
    };
  }
  if (connection.actsAs === 'person') {
    return {
      cause: 'The person has no mailbox, or the token lacks SMTP.Send.',
      remedy: `Get-EXOMailbox ${login} must show it. Then sign in again: mailbridge login ${connection.name}`,
    };
  }
  const objectId = claims?.oid ?? 'OBJECT-ID';
  const { remedy } = servicePrincipalSuspect(context);
  if (claims !== undefined && heldPermission(claims, needed) !== undefined) {
    return {
      cause:
        'Likeliest first: (1) Exchange does not know the app by its right object id; (2) there is no such mailbox.',
      remedy: `(1) ${remedy}\n(2) Get-EXOMailbox ${mailbox} must show it.`,
    };
  }
  return {
    cause:
      'The token lacks SMTP.SendAsApp, so an Exchange role would have to permit it: (1) the app has no such role with this mailbox in its scope; (2) Exchange does not know the app by its right object id. Or (3) grant the permission instead.',
    remedy: `(1) The Exchange role "Application SMTP.SendAsApp": mailbridge exchange-script ${connection.name} makes the script to run; Test-ServicePrincipalAuthorization -Identity ${objectId} -Resource ${mailbox} must then say InScope True for that role.\n(2) ${remedy}\n(3) ${grantRemedy(connection, needed)}`,
  };
}
