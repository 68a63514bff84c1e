import { BridgeError } from '../../../base/errors.ts';
import { GraphError, GraphUnansweredError } from '../../../graph/client/error.ts';
import { entraError } from '../../../tokens/entra/errors.ts';
import type { CheckOperations, KnownCredential, KnownSignIn } from '../operations.ts';
import type { CheckedConnection } from '../subject.ts';
import type { Finding, Hop } from './hop.ts';
import type { SeenTokens } from './token.ts';

const dayMs = 24 * 60 * 60 * 1000;
const warningDays = 30;
/**
 * Microsoft: a refresh token that is not used for this long expires ("Refresh tokens in the Microsoft identity
 * platform").
 */
const refreshTokenDays = 90;

/** The certificate's expiry, which is known without asking anybody. */
export function certificateHop(
  connection: CheckedConnection,
  operations: Pick<CheckOperations, 'credential' | 'now'>,
  needs: readonly string[],
): Hop {
  return {
    key: 'credential',
    name: 'credential',
    target: '',
    accounts: [],
    needs,
    run: async () => {
      const credential = await operations.credential();
      if (credential === undefined) return { notApplicable: 'this grant has none' };
      if (credential.kind === 'certificate') {
        const remedy = `${rotateRemedy(connection)}${certificateRemedy}`;
        return expiry('The client certificate', credential.expiresAtMs, operations.now(), remedy);
      }
      if (!credential.looksLikeId) return { detail: 'client secret' };
      return {
        detail: 'client secret',
        warning:
          'clientSecret has the form of a Secret ID. What is needed is its Value, which the portal shows once, when the secret is made.',
      };
    },
  };
}

/** A person's grant has a credential that the command does not create. */
function rotateRemedy({ name, actsAs }: CheckedConnection): string {
  return actsAs === 'app' ? `Run mailbridge register-app --name ${name} --rotate. Or by hand: ` : '';
}

const certificateRemedy =
  'Make a new certificate, upload it (Entra admin center > App registrations > the app > Certificates & secrets) and name its files in clientCertificate.';
const secretRemedy =
  'Make a new secret (Entra admin center > App registrations > the app > Certificates & secrets) and put its Value into clientSecret.';

/** The secret's expiry, which only the directory knows; skipped if the app may not read it. */
export function secretExpiryHop(
  connection: CheckedConnection,
  operations: Pick<CheckOperations, 'credential' | 'graph' | 'now'>,
  seen: SeenTokens,
): Hop {
  return {
    key: 'secret expiry',
    name: 'credential',
    target: 'end of the client secret',
    accounts: [],
    needs: ['token graph'],
    run: async () => {
      const credential = await operations.credential();
      const roles = seen.get('graph')?.roles ?? [];
      if (credential?.kind !== 'secret') return { notApplicable: 'no client secret' };
      if (!roles.some((role) => readsApplications.includes(role))) return { notApplicable: unknownEnd };
      const expiresAtMs = await secretEnd(connection, operations, credential);
      if (expiresAtMs === undefined) return { notApplicable: unknownEnd };
      return expiry('The client secret', expiresAtMs, operations.now(), `${rotateRemedy(connection)}${secretRemedy}`);
    },
  };
}

const unknownEnd = 'the app may not read when its secret ends';
const readsApplications = [
  'Application.Read.All',
  'Application.ReadWrite.All',
  'Application.ReadWrite.OwnedBy',
  'Directory.Read.All',
];

/**
 * When the secret in use expires, identified by its first three characters (`hint`), which are all that the directory
 * shows.
 */
async function secretEnd(
  { clientId }: CheckedConnection,
  operations: Pick<CheckOperations, 'graph'>,
  { firstCharacters }: Extract<KnownCredential, { kind: 'secret' }>,
): Promise<number | undefined> {
  try {
    const path = `/v1.0/applications(appId='${clientId}')?$select=passwordCredentials`;
    const answer = JSON.parse(await operations.graph({ method: 'GET', path })) as {
      passwordCredentials?: readonly { hint?: string | null; endDateTime?: string }[];
    };
    const ends = (answer.passwordCredentials ?? [])
      .filter(({ hint }) => hint === firstCharacters)
      .map(({ endDateTime }) => Date.parse(endDateTime ?? ''))
      .filter((ms) => !Number.isNaN(ms));
    return ends.length === 0 ? undefined : Math.max(...ends);
  } catch (error) {
    // Only a courtesy: the secret has to work, and the token has shown that.
    if (error instanceof GraphError || error instanceof GraphUnansweredError || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/** A person's sign-in: it exists, has not ended, and was used recently. */
export function signInHop(
  connection: CheckedConnection,
  operations: Required<Pick<CheckOperations, 'signIn'>> & Pick<CheckOperations, 'now'>,
  needs: readonly string[],
): Hop {
  return {
    key: 'sign-in',
    name: 'sign-in',
    target: '',
    accounts: [],
    needs,
    run: async () => signInFinding(connection, await operations.signIn(), operations.now()),
  };
}

function signInFinding(connection: CheckedConnection, signIn: KnownSignIn | undefined, nowMs: number): Finding {
  const remedy = `Sign in: mailbridge login ${connection.name}`;
  if (signIn === undefined) {
    throw new BridgeError('sign-in-needed', `Nobody has signed in for connection ${connection.name} yet.`, { remedy });
  }
  if (signIn.ended !== undefined) {
    const { aadsts, cause } = signIn.ended;
    const known = aadsts === undefined ? undefined : entraError(Number(aadsts.replace(/\D/g, '')));
    const text = `The sign-in of ${signIn.username} has ended. ${known?.cause ?? cause}`;
    throw new BridgeError('sign-in-ended', text, { remedy, details: { aadsts } });
  }
  const { username } = signIn;
  const days = Math.floor((nowMs - signIn.renewedAtMs) / dayMs);
  const detail = `${username}, signed in ${dayOf(signIn.signedInAtMs)}, last renewed ${dayOf(signIn.renewedAtMs)}`;
  if (days < refreshTokenDays - warningDays) return { detail };
  return {
    detail,
    warning: `The sign-in has not been used for ${days} days, and ends after ${refreshTokenDays}. Start the bridge, which renews it.`,
  };
}

function expiry(what: string, atMs: number, nowMs: number, remedy: string): Finding {
  const days = Math.floor((atMs - nowMs) / dayMs);
  if (atMs <= nowMs) {
    throw new BridgeError('credential-expired', `${what} ended on ${dayOf(atMs)}.`, { remedy });
  }
  const detail = `${what.replace('The ', '')} until ${dayOf(atMs)}`;
  if (days > warningDays) return { detail };
  const when = days === 0 ? 'today or tomorrow' : `in ${days} ${days === 1 ? 'day' : 'days'}`;
  return { detail, warning: `${what} ends ${when}. ${remedy}` };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
