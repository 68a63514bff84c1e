import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { groupCmdlets } from './cmdlets/groups.ts';
import { mailboxPermissionCmdlets } from './cmdlets/mailbox-permissions.ts';
import { mailboxCmdlets } from './cmdlets/mailboxes.ts';
import { managementScopeCmdlets } from './cmdlets/management-scopes.ts';
import { protocolCmdlets } from './cmdlets/protocols.ts';
import { recipientPermissionCmdlets } from './cmdlets/recipient-permissions.ts';
import { roleAssignmentCmdlets } from './cmdlets/role-assignments.ts';
import { servicePrincipalCmdlets } from './cmdlets/service-principals.ts';
import { sessionCmdlets } from './cmdlets/session.ts';
import { ExchangeOrganization } from './organization.ts';
import type { Cmdlet } from './powershell/cmdlet.ts';
import { execute, type Outcome } from './powershell/interpreter.ts';
import { parse } from './powershell/parser.ts';
import { ScriptError } from './powershell/script-error.ts';

/**
 * Simulates Exchange Online PowerShell: a small part of the language, and the cmdlets that give apps access to
 * mailboxes.
 */
export class ExchangeAdministration {
  readonly #cmdlets: ReadonlyMap<string, Cmdlet>;

  constructor(tenant: Tenant, mailboxes: MailboxDirectory) {
    const organization = new ExchangeOrganization(tenant, mailboxes);
    const families = [
      sessionCmdlets,
      servicePrincipalCmdlets,
      mailboxCmdlets,
      mailboxPermissionCmdlets,
      recipientPermissionCmdlets,
      protocolCmdlets,
      managementScopeCmdlets,
      roleAssignmentCmdlets,
      groupCmdlets,
    ];
    const cmdlets = families.flatMap((family) => family(organization));
    this.#cmdlets = new Map(cmdlets.map((cmdlet) => [cmdlet.name.toLowerCase(), cmdlet]));
  }

  /** Runs a script in a new PowerShell session. A script that cannot be parsed has no effect at all. */
  run(script: string): Outcome {
    try {
      return execute(parse(script, this.#cmdlets));
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      return { steps: [], host: [], errors: [{ line: error.line, message: error.message }] };
    }
  }
}
