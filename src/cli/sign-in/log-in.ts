import { type DelegatedConnection, openPersonalAccess, type PersonalAccess } from '../../app/connections/tokens.ts';
import { BridgeError } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { silentLog } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config } from '../../config/schema.ts';
import { exactAddresses } from '../../message/address/pattern.ts';
import { ownConnection } from '../../message/own-connection.ts';
import { missingScopes } from '../../tokens/entra/scopes.ts';
import { SignInOnTrial } from '../../tokens/sign-ins/on-trial.ts';
import type { SignIn } from '../../tokens/sign-ins/store.ts';
import { type SignedIn, storeSignIn } from '../../tokens/sign-ins/user-sign-in.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import { signInWithCode } from './by-device-code.ts';
import { signInInBrowser } from './in-browser.ts';
import { type LoginOutcome, sharedScopes } from './login-outcome.ts';
import { assertSamePerson, confirmReplacement, type SignInTrial } from './replacement.ts';
import { pointedToBrowser, type SignInTerminal } from './terminal.ts';

/** A connection that somebody signs in to. */
export type SignInConnection = Exclude<DelegatedConnection, { grant: 'password' }>;

/** The options of a sign-in. */
export interface Login {
  readonly name: string;
  /** The owner of the sign-in, if each mailbox has its own. */
  readonly mailbox?: string | undefined;
  readonly connection: SignInConnection;
  readonly config: Config;
  /** See `withSharedRecords`. */
  readonly shared: RecordTable | undefined;
  readonly http: HttpClient;
  readonly browser: boolean;
  /** Another person may replace the one who has signed in; nobody is asked. */
  readonly replace: boolean;
  /** The hops are tried afterwards, so that an existing working sign-in is not replaced by one that fails. */
  readonly check: boolean;
}

/** A completed sign-in. */
export interface SignInMade {
  readonly outcome: LoginOutcome;
  /** It is not stored yet, because there is one that works. */
  readonly trial: SignInTrial | undefined;
}

/**
 * Signs a person in for a connection, and requests the scopes of every service that it needs.
 * @throws BridgeError `sign-in-other-person`, and see `signInWithCode`, `signInInBrowser` and `SignInStore`
 */
export async function logIn(login: Login, terminal: SignInTerminal): Promise<SignInMade> {
  const person = await accessOf(login, terminal);
  const { scopes } = person;
  const [first, ...others] = (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
  if (first === undefined) {
    throw new BridgeError('usage', `No account uses connection ${login.name}, so there is nothing to ask for.`, {
      remedy: 'Add an account with this connection, or give the connection scopes.',
    });
  }
  const previous = await previousSignIn(person, login.replace, terminal);
  const signedIn = await signIn(login, person, first, previous?.username, terminal);
  const working = previous?.ended === undefined ? previous : undefined;
  if (working) await confirmReplacement(login, working, signedIn, terminal);
  const candidate = working && login.check ? new SignInOnTrial() : undefined;
  const access = candidate ? await accessOf(login, terminal, candidate) : person;
  await storeSignIn(access.store, access.client, signedIn, first);
  const outcome = await askOthers(login, access, { signedIn, first, others }, terminal);
  return { outcome, trial: working && candidate && { candidate, kept: person.store, previous: working } };
}

function accessOf(
  { name, mailbox, connection, config, http, shared }: Login,
  { io, clock }: SignInTerminal,
  signIn?: SignInOnTrial,
) {
  const endpoints = resolveCloud(connection.cloud, connection.tenantId);
  const parts = { endpoints, http, clock, log: silentLog, env: io.env, signIn, shared };
  const own = mailbox === undefined ? name : ownConnection(name, mailbox);
  return openPersonalAccess(own, connection, config, parts);
}

interface FirstSignIn {
  readonly signedIn: SignedIn;
  readonly first: TokenResource;
  readonly others: readonly TokenResource[];
}

/** Uses the refresh token for the other services, and asks the person to sign in again if consent requires that. */
async function askOthers(
  login: Login,
  access: PersonalAccess,
  { signedIn, first, others }: FirstSignIn,
  terminal: SignInTerminal,
): Promise<LoginOutcome> {
  const { scopes, store, client, grant } = access;
  const { username, homeTenantId } = signedIn;
  const granted = [...signedIn.scopes];
  const missing = missingScopes(scopes[first] ?? [], granted);
  const refusals: string[] = [];
  for (const resource of others) {
    let more = await grant.redeem(resource);
    if (more.refusal?.details.aadsts === consentMissing) {
      // Consent is only requested on the sign-in page, for one service at a time.
      terminal.tell('\nWhat sending needs has not been consented to yet: please sign in once more.');
      const again = await signIn(login, access, resource, username, terminal);
      assertSamePerson(login.name, username, again.username);
      await storeSignIn(store, client, again, resource);
      more = await grant.redeem(resource);
      await grant.redeem(first);
    }
    granted.push(...more.granted);
    missing.push(...more.missing);
    if (more.refusal) refusals.push(`${more.refusal.message} ${more.refusal.remedy}`);
  }
  const otherMailboxes = mailboxesOf(login).filter((mailbox) => mailbox !== username.toLowerCase());
  if (otherMailboxes.length > 0) missing.push(...missingScopes(sharedScopes(scopes), granted));
  return { username, tenantId: homeTenantId, granted, missing, refusals, otherMailboxes };
}

/** Nobody has consented to the scopes yet. */
const consentMissing = 'AADSTS65001';

/** @param expected who has signed in before */
function signIn(
  { name, browser, connection, replace, check }: Login,
  { client, scopes: needed }: PersonalAccess,
  resource: TokenResource,
  expected: string | undefined,
  terminal: SignInTerminal,
): Promise<SignedIn> {
  const scopes = needed[resource] ?? [];
  const invitation = expected === undefined || replace ? 'Sign in' : `Sign in as ${expected}`;
  const next = check ? 'the terminal tries the connection' : 'the terminal says what was granted';
  const request = { ...client, scopes, invitation, purpose: `connection ${name}`, next };
  if (browser || connection.grant === 'authorization-code') {
    const redirectUri = connection.grant === 'authorization-code' ? connection.redirectUri : undefined;
    return signInInBrowser({ ...request, redirectUri, prompt: connection.prompt ?? 'select_account' }, terminal);
  }
  return signInWithCode(request, terminal).catch((error: unknown) => {
    throw pointedToBrowser(error, `mailbridge login ${name} --browser`);
  });
}

/** Errors of a stored sign-in that can never work for this connection again. */
const replaceable: ReadonlySet<string> = new Set([
  'sign-in-file-foreign',
  'sign-in-file-newer',
  'sign-in-file-damaged',
  'sign-in-file-other-app',
]);

/**
 * The existing sign-in. It is read before anybody is asked to sign in, so that a folder that cannot be written, or a
 * wrong key, shows now. With a key other than the bridge's, a new sign-in would be useless to it; `--replace` says that
 * the earlier key is lost.
 * @throws BridgeError see `SignInStore`
 */
async function previousSignIn(
  { store }: PersonalAccess,
  replace: boolean,
  { tell }: SignInTerminal,
): Promise<SignIn | undefined> {
  try {
    return await store.update(async (current) => ({ result: current }));
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    if (!replaceable.has(error.code) && !(replace && error.code === 'sign-in-file-key-wrong')) throw error;
    tell(`${error.message} The file is moved aside once somebody has signed in.\n`);
    return undefined;
  }
}

function mailboxesOf({ name, mailbox, config }: Login): string[] {
  if (mailbox !== undefined) return [mailbox.toLowerCase()];
  const own = config.accounts.filter((account) => account.connection === name);
  return [...new Set(own.flatMap(({ mailboxes }) => exactAddresses(mailboxes)).map((each) => each.toLowerCase()))];
}
