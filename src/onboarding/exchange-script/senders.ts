import { quoted } from '../../base/quoted-powershell.ts';
import { couriers } from '../../couriers/registry.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import { type OtherSender, otherSenders, type SenderWay } from '../../message/sender-way.ts';
import type { ScriptAccount, ScriptSection } from './input.ts';

/** The right to use one address. */
export interface SenderGrant {
  readonly address: string;
  /** Who gets it, in PowerShell: `$user`, `'reports@contoso.com'`. */
  readonly trustee: string;
}

/** Words of the sections that depend on who gets the rights. */
export interface SenderWords {
  readonly sendAs: string;
  readonly sendAsUndo: string;
  readonly onBehalf: string;
  readonly onBehalfUndo: string;
}

/** What the accounts need to send as other addresses. */
export interface SenderRights {
  readonly sendAs: readonly SenderGrant[];
  readonly onBehalf: readonly SenderGrant[];
  /** Addresses of mailboxes, which need no right. */
  readonly aliases: readonly { readonly address: string; readonly mailbox: string }[];
  readonly patterns: readonly OtherSender[];
}

/** Who sends for an account as another address, in PowerShell. */
type TrusteesOf = (account: ScriptAccount, as: SenderWay) => readonly string[];

/**
 * With a role, and through Graph, the mailbox sends; over SMTP in the classic way the app itself does. For
 * SendOnBehalf, Exchange only documents mailboxes and groups as trustees.
 * @param named a mailbox in PowerShell
 */
export function trusteesOfApp(classic: boolean, named: (mailbox: string) => string): TrusteesOf {
  const isApp = (courier: CourierKind) => classic && couriers[courier].resource === 'exchange';
  return ({ mailbox, send = [] }, as) => [
    ...new Set(send.map((courier) => (as === 'send-as' && isApp(courier) ? '$objectId' : named(mailbox)))),
  ];
}

/** @param isGranted whether an address needs a right at all; default: always */
export function senderRights(
  accounts: readonly ScriptAccount[],
  trusteesOf: TrusteesOf,
  isGranted: (address: string) => boolean = () => true,
): SenderRights {
  const wanted = accounts
    .filter(({ send }) => send !== undefined)
    .flatMap((account) => otherSenders(account).map((other) => ({ account, ...other })));
  const exact = wanted.filter((other) => !isPattern(other.address));
  const grants = (way: SenderWay) =>
    exact
      .filter(({ as, address }) => as === way && isGranted(address))
      .flatMap(({ account, address }) => trusteesOf(account, way).map((trustee) => ({ address, trustee })));
  return {
    sendAs: onceEach(grants('send-as')),
    onBehalf: onceEach(grants('on-behalf')),
    aliases: exact.flatMap(({ account, address, as }) =>
      as === 'alias' ? [{ address, mailbox: account.mailbox }] : [],
    ),
    patterns: wanted.filter(({ address }) => isPattern(address)),
  };
}

/** Each grant once, ignoring case. */
export function onceEach(grants: readonly SenderGrant[]): SenderGrant[] {
  return [...new Map(grants.map((grant) => [`${grant.address}\n${grant.trustee}`.toLowerCase(), grant])).values()];
}

/**
 * Statements that grant the rights and that revoke them. @param guarded wraps statements that name who may be gone by
 * then
 */
export function senderSections(
  { sendAs, onBehalf, aliases, patterns }: SenderRights,
  words: SenderWords,
  guarded: (statements: readonly string[]) => readonly string[] = (statements) => statements,
): ScriptSection[] {
  const of = (way: SenderWay) => patternLines(patterns, way);
  return [
    ...section(sendAs.length, {
      why: [words.sendAs, ...of('send-as')],
      apply: sendAs.map((grant) => recipientPermission('Add', grant)),
      undoWhy: [words.sendAsUndo],
      undo: guarded(sendAs.map((grant) => recipientPermission('Remove', grant))),
    }),
    ...section(onBehalf.length, {
      why: [
        words.onBehalf,
        'Readers see both. Whoever has SendAs on the address too sends as it. Groups take Set-DistributionGroup.',
        ...of('on-behalf'),
      ],
      apply: onBehalf.map((grant) => sendOnBehalf('Add', grant)),
      undoWhy: [words.onBehalfUndo],
      undo: onBehalf.map((grant) => sendOnBehalf('Remove', grant)),
    }),
    ...(aliases.length + of('alias').length > 0 ? [sendFromAlias(aliases, of('alias'))] : []),
  ];
}

/** Only the statements that grant the rights. */
export function senderStatements({ sendAs, onBehalf, aliases }: SenderRights): string[] {
  return [
    ...sendAs.map((grant) => recipientPermission('Add', grant)),
    ...onBehalf.map((grant) => sendOnBehalf('Add', grant)),
    ...(aliases.length > 0 ? [allowAliases] : []),
  ];
}

/** A section that grants something, or at least says what it cannot grant. */
function section(grants: number, whole: ScriptSection): ScriptSection[] {
  return grants > 0 || whole.why.some((line) => line.startsWith(noPattern)) ? [whole] : [];
}

const noPattern = 'Exchange grants no right for all of ';

function patternLines(patterns: readonly OtherSender[], way: SenderWay): string[] {
  const addresses = new Set(patterns.filter(({ as }) => as === way).map(({ address }) => address));
  return [...addresses].map((address) =>
    way === 'alias'
      ? `For ${address}: each address that is used has to be one of the mailbox.`
      : `${noPattern}${address}: add a line for each address that is used.`,
  );
}

function recipientPermission(verb: 'Add' | 'Remove', { address, trustee }: SenderGrant): string {
  return `${verb}-RecipientPermission -Identity ${quoted(address)} -Trustee ${trustee} -AccessRights SendAs -Confirm:$false`;
}

function sendOnBehalf(change: 'Add' | 'Remove', { address, trustee }: SenderGrant): string {
  return `Set-Mailbox -Identity ${quoted(address)} -GrantSendOnBehalfTo @{${change}=${trustee}}`;
}

const allowAliases = 'Set-OrganizationConfig -SendFromAliasEnabled $true';

function sendFromAlias(aliases: SenderRights['aliases'], patternLines: readonly string[]): ScriptSection {
  return {
    why: [
      'Lets mailboxes send as their other addresses, in the whole organization. Each has to be one of the mailbox:',
      ...aliases.map(
        ({ address, mailbox }) => `  Get-Mailbox ${quoted(mailbox)} | Format-List EmailAddresses   shows ${address}`,
      ),
      ...patternLines,
    ],
    apply: [allowAliases],
    undoWhy: [
      'Sending from aliases stays on: others may use it. To switch it off:',
      '  Set-OrganizationConfig -SendFromAliasEnabled $false',
    ],
    undo: [],
  };
}
