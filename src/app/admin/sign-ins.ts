import { randomUUID } from 'node:crypto';
import type { SignInStatus, ToldDeviceCode } from '../../admin/api/connections/schemas.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { ownConnection, splitConnection } from '../../message/own-connection.ts';
import { missingScopes } from '../../tokens/entra/scopes.ts';
import { type DeviceCode, signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import { type SignedIn, storeSignIn } from '../../tokens/sign-ins/user-sign-in.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import type { BridgeState } from '../bridge-state.ts';
import { hasOwnSignIns, type PersonalAccess } from '../connections/tokens.ts';
import { assertReached } from './exchange-scripts.ts';

/** What sign-ins need. */
export interface SignInParts {
  readonly clock: Clock;
  readonly log: Log;
  state(): BridgeState;
  /** Somebody has signed in. */
  onSignIn(): Promise<void>;
}

interface KeptSignIn {
  readonly code: ToldDeviceCode;
  readonly connection: string;
  status: SignInStatus;
}

/** Who is to sign in for a connection. */
export interface AskedPerson {
  /** Whether another person than before may sign in. */
  readonly replace: boolean;
  /** The owner of the sign-in, for a connection with a sign-in for each mailbox. */
  readonly mailbox?: string | undefined;
}

const maxWaiting = 20;
const maxKept = 50;

/** Device code sign-ins started on a page. */
export class DeviceSignIns {
  readonly #parts: SignInParts;
  readonly #kept = new Map<string, KeptSignIn>();
  readonly #end = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /**
   * Requests a code. @returns the code of a sign-in that already waits, if there is one
   * @throws BridgeError `usage`, `admin-busy`, or what {@link signInByDeviceCode} throws before there is a code
   */
  async start(name: string, { replace, mailbox }: AskedPerson): Promise<ToldDeviceCode> {
    const connection = this.#ownOf(name, mailbox);
    const waiting = [...this.#kept.values()].filter(({ status }) => status.state === 'waiting');
    const same = waiting.find((each) => each.connection === connection);
    if (same && Date.parse(same.code.expiresAt) > this.#parts.clock.now()) return same.code;
    if (waiting.length >= maxWaiting)
      throw new BridgeError('admin-busy', `${waiting.length} sign-ins are already waiting.`);
    const person = this.#personOf(connection);
    const [resource] = resourcesOf(person);
    if (resource === undefined) {
      throw new BridgeError('usage', `No account uses connection ${connection}, so there is nothing to ask for.`);
    }
    const id = randomUUID();
    return await new Promise<ToldDeviceCode>((resolve, reject) => {
      const running = this.#run({ id, connection, person, resource, replace }, resolve)
        // Before there is a code the caller gets the error; afterwards the state shows it.
        .catch(reject)
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }

  get(id: string): SignInStatus | undefined {
    return this.#kept.get(id)?.status;
  }

  /** Ends waiting sign-ins. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#running);
  }

  async #run(asked: AskedSignIn, onCode: (code: ToldDeviceCode) => void): Promise<void> {
    const { id, connection, person, resource } = asked;
    const { signal } = this.#end;
    const scopes = person.scopes[resource] ?? [];
    const toldCode = (code: DeviceCode) => {
      const told = { id, ...toldCodeOf(code) };
      this.#keep({ code: told, connection, status: { id, connection, state: 'waiting', expiresAt: told.expiresAt } });
      onCode(told);
    };
    try {
      const signedIn = await signInByDeviceCode({ ...person.client, scopes, signal, onCode: toldCode });
      await this.#settle(asked, signedIn);
    } catch (error) {
      const kept = this.#kept.get(id);
      if (!kept) throw error;
      kept.status = { ...kept.status, state: 'failed', error: toldError(error) };
      this.#parts.log.warn({ error, connection }, 'sign-in from the pages failed');
    }
  }

  async #settle({ id, connection, person, resource, replace }: AskedSignIn, signedIn: SignedIn): Promise<void> {
    await assertSamePerson(connection, person, signedIn, replace);
    await storeSignIn(person.store, person.client, signedIn, resource);
    const granted = [...signedIn.scopes];
    const missing = missingScopes(person.scopes[resource] ?? [], granted);
    for (const other of resourcesOf(person).slice(1)) {
      const more = await person.grant.redeem(other);
      granted.push(...more.granted);
      missing.push(...more.missing);
    }
    const kept = this.#kept.get(id);
    if (kept) kept.status = { ...kept.status, state: 'done', username: signedIn.username, granted, missing };
    this.#parts.log.info({ connection, username: signedIn.username }, 'signed in from the pages');
    await this.#parts.onSignIn();
  }

  #keep(signIn: KeptSignIn): void {
    this.#kept.set(signIn.code.id, signIn);
    for (const [old, { status }] of this.#kept) {
      if (this.#kept.size > maxKept && status.state !== 'waiting') this.#kept.delete(old);
    }
  }

  /** The connection to sign in to: for a mailbox with its own sign-in, its own. @throws BridgeError `usage` */
  #ownOf(name: string, mailbox: string | undefined): string {
    const { config } = this.#parts.state();
    const isEach = hasOwnSignIns(config.connections[name]);
    if (!isEach && mailbox === undefined) return name;
    if (isEach && mailbox !== undefined) {
      assertReached(config, name, mailbox);
      return ownConnection(name, mailbox);
    }
    const text = isEach
      ? `Each mailbox of connection "${name}" has its own sign-in: name one.`
      : `Connection "${name}" has one sign-in for all mailboxes.`;
    throw new BridgeError('usage', text, { remedy: isEach ? 'Name the mailbox.' : 'Name no mailbox.' });
  }

  /** @throws BridgeError `usage` if nobody signs in by a code */
  #personOf(connection: string): PersonalAccess {
    const { upstreams, config } = this.#parts.state();
    const person = upstreams.get(connection)?.person;
    const grant = config.connections[splitConnection(connection).connection]?.grant;
    if (person && grant !== 'password') return person;
    throw new BridgeError('usage', `Nobody signs in for connection ${connection} (grant "${grant}").`, {
      remedy: 'Check the connection instead; it signs in by itself.',
    });
  }
}

interface AskedSignIn {
  readonly id: string;
  readonly connection: string;
  readonly person: PersonalAccess;
  readonly resource: TokenResource;
  readonly replace: boolean;
}

function resourcesOf({ scopes }: PersonalAccess): TokenResource[] {
  return (['exchange', 'graph'] as const).filter((each) => (scopes[each] ?? []).length > 0);
}

/** The signed-in person stays, unless another one is intended. @throws BridgeError `sign-in-other-person` */
async function assertSamePerson(
  connection: string,
  { store }: PersonalAccess,
  { username }: SignedIn,
  replace: boolean,
): Promise<void> {
  const before = await store.read().catch(() => undefined);
  const isOther = before?.username.toLowerCase() !== username.toLowerCase();
  if (replace || before === undefined || before.ended !== undefined || !isOther) return;
  throw new BridgeError(
    'sign-in-other-person',
    `${username} has signed in, but connection "${connection}" has a sign-in of ${before.username} that works. It is kept.`,
    { remedy: `Sign in as ${before.username}, or confirm that you mean the other one.`, details: { connection } },
  );
}

function toldCodeOf({ userCode, verificationUri, expiresAtMs }: DeviceCode) {
  return { userCode, verificationUri, expiresAt: new Date(expiresAtMs).toISOString() };
}

function toldError(error: unknown) {
  if (error instanceof BridgeError) return { code: error.code, message: error.message, remedy: error.remedy };
  return { code: 'admin-failed', message: errorText(error), remedy: 'The log of the bridge says more.' };
}
