import type { DelegatedScopes } from '../../tokens/entra/scopes.ts';

/** The result of a sign-in. */
export interface LoginOutcome {
  /** User principal name of the person who signed in. */
  readonly username: string;
  readonly tenantId: string;
  readonly granted: readonly string[];
  /** Permissions needed and not granted. */
  readonly missing: readonly string[];
  /** Why a service granted nothing, with how to fix it. */
  readonly refusals: readonly string[];
  /** Mailboxes of the connection that are not the person's own. */
  readonly otherMailboxes: readonly string[];
}

/**
 * Additional scopes for mailboxes of others, which only Graph has: `Mail.Send.Shared` for `Mail.Send`. Whether there
 * are such mailboxes shows once it is known who has signed in.
 */
export function sharedScopes({ graph = [] }: DelegatedScopes): string[] {
  const shared = graph
    .filter((scope) => /\/Mail\.(Send|ReadWrite|Read)$/i.test(scope))
    .map((scope) => `${scope}.Shared`);
  return shared.filter((scope) => !graph.includes(scope));
}

/** The outcome in words. @param connection its name */
export function outcomeText(connection: string, outcome: LoginOutcome): string {
  const { username, tenantId, granted, missing, refusals, otherMailboxes } = outcome;
  const names = granted.map(shortName).filter((name) => !/^(openid|profile|email)$/.test(name));
  const lines = [
    `\n✓ Signed in as ${username}, tenant ${tenantId}.`,
    `  Granted: ${names.length > 0 ? names.join(', ') : 'nothing'}.`,
    ...(missing.length > 0 ? [`✗ Missing: ${missing.map(shortName).join(', ')}. ${consent(connection)}`] : []),
    ...refusals,
  ];
  if (otherMailboxes.length > 0) {
    const mailboxes = otherMailboxes.join(', ');
    lines.push(
      `! ${username} is not the owner of ${mailboxes}. That is right for a shared mailbox to which ${username} has full access (mailbridge exchange-script ${connection} gives it); otherwise sign in again as the owner.`,
    );
  }
  return lines.join('\n');
}

function consent(connection: string): string {
  return `Add it to the app registration, let an administrator consent with mailbridge consent ${connection}, and sign in again; mailbridge register-app --delegated does all but the last.`;
}

function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}
