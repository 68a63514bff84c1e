import { reachedMailboxes } from '../../accounts/account.ts';
import { allowedMailbox } from '../../accounts/account-login.ts';
import type { ConnectionScript } from '../../admin/api/connections/schemas.ts';
import { BridgeError } from '../../base/errors.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { AccountConfig, Config, Connection } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import { readClaims } from '../../onboarding/check/token-claims.ts';
import type { ExchangeScriptInput, ScriptAccount, ScriptApp } from '../../onboarding/exchange-script/input.ts';
import { exchangeScript, needsExchangeScript } from '../../onboarding/exchange-script/script.ts';
import { scriptFileOf } from '../../onboarding/exchange-script/script-file.ts';
import { assertRegistered } from '../../onboarding/init-config.ts';
import { resourcesOf, usesOf } from '../../onboarding/permissions.ts';
import type { BridgeState } from '../bridge-state.ts';
import { hasOwnSignIns, isDelegated } from '../connections/tokens.ts';
import type { Upstream } from '../connections/upstream.ts';
import { soon } from './soon.ts';

/**
 * The Exchange script of a connection, as `mailbridge exchange-script` makes it.
 * @param user who signs in, or the mailbox with its own sign-in; undefined: the person who has signed in, if known
 * @throws BridgeError `app-not-registered`, `usage` for a mailbox that no account reaches
 */
export async function connectionScript(
  { config, upstreams }: BridgeState,
  name: string,
  user: string | undefined,
): Promise<ConnectionScript> {
  const connection = config.connections[name] as Connection;
  assertRegistered(name, connection.clientId);
  const all = scriptAccounts(config, name);
  if (all.length === 0 || isPersonalTenant(connection.tenantId)) return { needsUser: false, user: null, script: null };
  if (!isDelegated(connection)) {
    const principal = await appOf(connection, upstreams.get(name), config, name);
    return { needsUser: false, user: null, script: scriptOf(name, connection, principal, all) };
  }
  const known = user ?? (await knownUser(connection, upstreams.get(name), all));
  if (known === undefined) return { needsUser: true, user: null, script: null };
  const accounts = hasOwnSignIns(connection) ? ownAccounts(config, name, all, known) : all;
  return {
    needsUser: false,
    user: known,
    script: scriptOf(name, connection, { kind: 'person', user: known }, accounts),
  };
}

function scriptOf(
  name: string,
  { tenantId }: Connection,
  principal: ExchangeScriptInput['principal'],
  accounts: readonly ScriptAccount[],
): ConnectionScript['script'] {
  const isNamed = tenantId !== undefined && tenantId !== 'common' && tenantId !== 'organizations';
  const input = { connection: name, organization: isNamed ? tenantId : undefined, principal, accounts };
  return needsExchangeScript(input) ? scriptFileOf(name, exchangeScript(input, { undo: false })) : null;
}

/** Who signs in, if known: with a sign-in for each mailbox, the mailbox if there is only one. */
async function knownUser(
  connection: Connection,
  upstream: Upstream | undefined,
  accounts: readonly ScriptAccount[],
): Promise<string | undefined> {
  if (connection.grant === 'password') return connection.username;
  if (!hasOwnSignIns(connection)) return (await upstream?.person?.store.read().catch(() => undefined))?.username;
  const mailboxes = [...new Set(accounts.map(({ mailbox }) => mailbox.toLowerCase()))];
  const [only] = mailboxes;
  return mailboxes.length === 1 && only !== undefined && !isPattern(only) ? only : undefined;
}

/** What the accounts do with this one mailbox. @throws BridgeError `usage` if none reaches it */
function ownAccounts(
  { accounts }: Config,
  name: string,
  all: readonly ScriptAccount[],
  mailbox: string,
): readonly ScriptAccount[] {
  const own = all.filter((each) => allowedMailbox([each.mailbox], mailbox) !== undefined);
  if (own.length > 0) return own.map((each) => ({ ...each, mailbox }));
  throw noMailbox(name, mailbox, accounts);
}

/** @throws BridgeError `usage` if no account over the connection reaches the mailbox */
export function assertReached({ accounts }: Config, name: string, mailbox: string): void {
  const own = accounts.filter(({ connection }) => connection === name);
  if (own.some((account) => allowedMailbox(reachedMailboxes(account), mailbox) !== undefined)) return;
  throw noMailbox(name, mailbox, accounts);
}

function noMailbox(name: string, mailbox: string, accounts: Config['accounts']): BridgeError {
  const own = accounts.filter(({ connection }) => connection === name).flatMap(reachedMailboxes);
  return new BridgeError('usage', `No account reaches the mailbox ${mailbox} over connection "${name}".`, {
    remedy: `Name one of these: ${[...new Set(own)].slice(0, 10).join(', ')}. Or add it to an account in the configuration.`,
  });
}

/** What the app's own tokens say about it, if they can be had quickly. */
async function appOf(
  { clientId }: Connection,
  upstream: Upstream | undefined,
  { accounts }: Config,
  name: string,
): Promise<ScriptApp> {
  const own = accounts.filter(({ connection }) => connection === name);
  const resources = [...resourcesOf(usesOf(own))];
  const tokens = upstream ? await Promise.all(resources.map((each) => soon(upstream.getToken(each)))) : [];
  const claims = tokens.flatMap((token) => (token === undefined ? [] : (readClaims(token) ?? [])));
  const [first] = claims;
  return {
    kind: 'app',
    clientId: clientId ?? first?.appid,
    objectId: first?.oid,
    classic: claims.some(({ roles }) => roles.includes('SMTP.SendAsApp')),
    tenantWide: false,
  };
}

/** The accounts of a connection, once for each mailbox, as the script needs them. */
export function scriptAccounts({ accounts }: Config, name: string): ScriptAccount[] {
  return accounts.filter(({ connection }) => connection === name).flatMap(scriptAccount);
}

/** Any mailbox chosen for a message sends as the other addresses; aliases belong to the default one, the first. */
function scriptAccount(account: AccountConfig): ScriptAccount[] {
  const { send, read, sentItems, otherSenders = [], mailboxFrom } = account;
  const others = mailboxFrom === 'fixed' ? [] : otherSenders.filter(({ as }) => as !== 'alias');
  return reachedMailboxes(account).map((mailbox, index) => ({
    mailbox,
    senders: index === 0 ? otherSenders : others,
    ...(send && { send }),
    ...(read && { read }),
    ...(sentItems && { sentItems }),
  }));
}
