import { BridgeError } from '../../base/errors.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import { GraphError } from '../../graph/client/error.ts';
import type { MailboxContext } from './mailbox-context.ts';
import { examineInbox, statMaildrop } from './open-mailbox.ts';
import { heldPermission, permissionFor } from './permissions.ts';
import { type ExchangeProtocol, graphUser, type Use } from './subject.ts';

/** A possible cause, and how to fix it. */
interface Suspect {
  readonly cause: string;
  readonly remedy: string;
}

const protocolNames: Readonly<Record<ExchangeProtocol, string>> = { imap: 'IMAP', pop3: 'POP3', smtp: 'SMTP' };

/**
 * Exchange refuses a mailbox in the same few words whatever is wrong. This checks what else the token can open, and
 * returns the refusal with the remaining causes, likeliest first.
 */
export async function explainRefusal(
  context: MailboxContext,
  protocol: 'imap' | 'pop3',
  mailbox: string,
  refusal: BridgeError,
): Promise<BridgeError> {
  if (refusal.code !== 'mailbox-login-refused' && refusal.code !== 'mailbox-not-connected') return refusal;
  const notConnected = refusal.code === 'mailbox-not-connected';
  const suspects = await suspectsOf(context, protocol, mailbox, notConnected);
  const took = notConnected ? 'accepts the token, but ' : '';
  const text = `Exchange ${took}does not open ${mailbox} by ${protocolNames[protocol]}.`;
  return new BridgeError(refusal.code, `${text} ${listed(suspects.map(({ cause }) => cause))}`, {
    remedy: numbered(suspects.map(({ remedy }) => remedy)),
    cause: refusal.cause,
    details: { ...refusal.details, spreading: true },
  });
}

async function suspectsOf(
  context: MailboxContext,
  protocol: 'imap' | 'pop3',
  mailbox: string,
  notConnected: boolean,
): Promise<Suspect[]> {
  const { connection, opened } = context;
  if (isPersonalTenant(connection.tenantId)) return personalSuspects(protocol);
  const switchedOff: Suspect = {
    cause: `${protocolNames[protocol]} is switched off for the mailbox`,
    remedy: `Set-CASMailbox ${mailbox} -${protocol === 'imap' ? 'Imap' : 'Pop'}Enabled $true`,
  };
  const unknown: Suspect = {
    cause: 'there is no such mailbox, or it has no licence',
    remedy: `Check mailbox of the account: Get-EXOMailbox ${mailbox} must show it, by its user principal name.`,
  };
  if ((await mailboxExists(context, mailbox)) === false) return [unknown];
  const seenOpen = await otherDoors(context, protocol, mailbox);
  if (seenOpen.has('mailbox')) return [switchedOff];
  if (connection.actsAs === 'person') return [...personSuspects(context, mailbox), switchedOff, unknown];
  const permission: Suspect = {
    cause: 'the app has no permission on the mailbox',
    remedy: `Add-MailboxPermission -Identity ${mailbox} -User ${objectIdOf(context)} -AccessRights FullAccess`,
  };
  if (opened.has(protocol) || seenOpen.has('exchange')) return [permission, switchedOff, unknown];
  const unregistered = servicePrincipalSuspect(context);
  return notConnected
    ? [permission, unregistered, switchedOff, unknown]
    : [unregistered, permission, switchedOff, unknown];
}

/** A personal account has no administrator and no PowerShell, and only opens its own mailbox. */
function personalSuspects(protocol: 'imap' | 'pop3'): Suspect[] {
  return [
    {
      cause: `${protocolNames[protocol]} is switched off for the mailbox`,
      remedy: 'At outlook.com, Settings > Mail > Forwarding and IMAP: let devices and apps use POP, and IMAP.',
    },
    {
      cause: 'the mailbox is not that of the person who signed in',
      remedy: 'Check mailbox of the account: it has to be the address of the personal account that signed in.',
    },
  ];
}

/** The most frequent mistake: Exchange accepts any object id, but only that of the enterprise application is right. */
export function servicePrincipalSuspect(context: MailboxContext): Suspect {
  const { name, clientId } = context.connection;
  const objectId = objectIdOf(context);
  return {
    cause: 'Exchange does not know the app by its right object id',
    remedy: `Get-ServicePrincipal must show AppId ${clientId} with ObjectId ${objectId}. Where it does not (remove a wrong one): New-ServicePrincipal -AppId ${clientId} -ObjectId ${objectId} -DisplayName mailbridge. The whole script: mailbridge exchange-script ${name}`,
  };
}

function personSuspects({ seen }: MailboxContext, mailbox: string): Suspect[] {
  const user = seen.get('exchange')?.upn;
  if (user === undefined || user.toLowerCase() === mailbox.toLowerCase()) return [];
  return [
    {
      cause: `${user} has no access to the mailbox`,
      remedy: `Add-MailboxPermission -Identity ${mailbox} -User ${user} -AccessRights FullAccess`,
    },
  ];
}

/** The object id by which Exchange has to know the app, from the token. */
function objectIdOf({ seen }: MailboxContext): string {
  return seen.get('exchange')?.oid ?? 'OBJECT-ID-OF-THE-ENTERPRISE-APPLICATION';
}

/**
 * What other protocols can open, if the token permits trying them. `mailbox`: it can be read, so only this protocol is
 * off. `exchange`: an app can log in over SMTP, which checks the mailbox later, so Exchange at least knows it.
 */
async function otherDoors(
  context: MailboxContext,
  protocol: 'imap' | 'pop3',
  mailbox: string,
): Promise<ReadonlySet<'mailbox' | 'exchange'>> {
  const { operations, connection } = context;
  const doors = new Set<'mailbox' | 'exchange'>();
  const other = protocol === 'imap' ? 'pop3' : 'imap';
  const read = other === 'imap' ? examineInbox : statMaildrop;
  if (mayTry(context, { kind: 'read', by: other, mailbox, accounts: [] }) && (await works(read(operations, mailbox))))
    doors.add('mailbox');
  const bySmtp = { kind: 'send', by: 'smtp', mailbox, accounts: [] } as const;
  const mayLogIn = connection.actsAs === 'app' && mayTry(context, bySmtp);
  if (mayLogIn && doors.size === 0 && (await works(operations.openSubmission(mailbox)))) doors.add('exchange');
  return doors;
}

function works(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}

function mayTry({ connection, seen }: MailboxContext, use: Use): boolean {
  const claims = seen.get('exchange');
  return claims !== undefined && heldPermission(claims, permissionFor(connection, use)) !== undefined;
}

/** What Graph knows about the mailbox, if its token permits that; otherwise undefined. */
async function mailboxExists(
  { connection, operations, seen }: MailboxContext,
  mailbox: string,
): Promise<boolean | undefined> {
  const claims = seen.get('graph');
  const held = [...(claims?.roles ?? []), ...(claims?.scopes ?? [])];
  const user = graphUser(connection, mailbox);
  const path = held.includes('User.Read.All')
    ? `${user}?$select=id`
    : held.some((permission) => /^Mail\.Read(Write)?$/.test(permission))
      ? `${user}/mailFolders/inbox/messages?$top=1&$select=id`
      : undefined;
  if (path === undefined) return undefined;
  try {
    await operations.graph({ method: 'GET', path });
    return true;
  } catch (error) {
    return error instanceof GraphError && error.status === 404 ? false : undefined;
  }
}

function listed(causes: readonly string[]): string {
  const [only] = causes;
  if (causes.length === 1) return `The cause: ${only}.`;
  return `Likeliest first: ${causes.map((cause, index) => `(${index + 1}) ${cause}`).join('; ')}.`;
}

function numbered(remedies: readonly string[]): string {
  if (remedies.length === 1) return remedies[0] as string;
  return remedies.map((remedy, index) => `(${index + 1}) ${remedy}`).join('\n');
}
