import { quoted } from '../../base/quoted-powershell.ts';
import { isPattern } from '../../message/address/pattern.ts';
import { otherSenders } from '../../message/sender-way.ts';
import { appSections } from './app.ts';
import type { ExchangeScriptInput, ScriptAccount, ScriptApp, ScriptPerson, ScriptSection } from './input.ts';
import { patternSections } from './patterns.ts';
import { personSections } from './person.ts';
import { comment, unlessFound } from './powershell.ts';

/**
 * The Exchange Online PowerShell script that a connection needs: everything for which Exchange has no web page or Graph
 * call. Each statement can be repeated.
 * @param options.undo the script that undoes everything
 * @returns lines that end in LF
 * @throws BridgeError `config-invalid` for names and addresses with control characters
 */
export function exchangeScript(input: ExchangeScriptInput, options: { readonly undo: boolean }): string {
  const { principal } = input;
  const sections = sectionsOf(input);
  if (sections.length === 0) {
    return `${comment(`Exchange needs no settings for connection ${input.connection} and its accounts.`)}\n`;
  }
  const body = options.undo
    ? sections.toReversed().flatMap(({ undoWhy, undo }) => part(undoWhy, undo))
    : sections.flatMap(({ why, apply }) => part(why, apply));
  return `${[...head(input, options.undo), ...identity(principal), ...body].join('\n').trimEnd()}\n`;
}

/** Whether anything has to be set in Exchange. */
export function needsExchangeScript(input: ExchangeScriptInput): boolean {
  return sectionsOf(input).length > 0;
}

function sectionsOf(input: ExchangeScriptInput): ScriptSection[] {
  const { principal } = input;
  const many = input.accounts.filter(({ mailbox }) => isPattern(mailbox));
  const named = { ...input, accounts: input.accounts.filter((account) => !many.includes(account)) };
  return [
    ...(principal.kind === 'app'
      ? appSections(named, principal, { known: many.length > 0 })
      : personSections(named, principal)),
    ...patternSections(many, principal),
  ];
}

function head(input: ExchangeScriptInput, undo: boolean): string[] {
  return [
    comment(
      undo
        ? `Takes back what mailbridge exchange-script set up for connection ${input.connection}.`
        : `Lets connection ${input.connection} of mailbridge use these mailboxes:`,
    ),
    ...(undo ? [] : input.accounts.map((account) => comment(`  ${account.mailbox}: ${usesText(account)}`))),
    comment('Run it in PowerShell as an Exchange Administrator (for the roles: in Organization Management).'),
    comment(undo ? 'It is safe to run again.' : 'It is safe to run again: it keeps what exists.'),
    '',
    comment("Microsoft's module, where it is missing:"),
    ...unlessFound('Get-Module -ListAvailable -Name ExchangeOnlineManagement', [
      'Install-Module ExchangeOnlineManagement -Scope CurrentUser',
    ]),
    `Connect-ExchangeOnline${input.organization === undefined ? '' : ` -Organization ${quoted(input.organization)}`}`,
    '',
  ];
}

function usesText(account: ScriptAccount): string {
  const { send, read } = account;
  const others = otherSenders(account).map(({ address, as }) => (as === 'send-as' ? address : `${address} [${as}]`));
  const as = others.length > 0 ? ` (as ${others.join(', ')} too)` : '';
  return (
    [...(send ? [`sends by ${send.join(', else by ')}${as}`] : []), ...(read ? [`reads by ${read}`] : [])].join(', ') ||
    'nothing'
  );
}

function identity(principal: ScriptApp | ScriptPerson): string[] {
  if (principal.kind === 'person') {
    return [`$user = ${quoted(principal.user)}`, ''];
  }
  return [
    ...identifier('appId', principal.clientId, 'Application (client) ID', 'the client id is not known here.'),
    ...identifier(
      'objectId',
      principal.objectId,
      'Object ID of the enterprise application (Entra admin center > Enterprise applications > the app)',
      'the Object ID shown under App registrations is another one, and the wrong one.',
    ),
    '',
  ];
}

function identifier(variable: string, value: string | undefined, name: string, warning: string): string[] {
  if (value !== undefined) return [`$${variable} = ${quoted(value)}`];
  return [
    comment(`${name}: put it between the quotes and delete the line below it;`),
    comment(warning),
    `$${variable} = ''`,
    `throw ${quoted(`Fill in $${variable} first: the ${name}.`)}`,
  ];
}

function part(why: readonly string[], statements: readonly string[]): string[] {
  return statements.length + why.length === 0 ? [] : [...why.map(comment), ...statements, ''];
}
