import { randomBytes, timingSafeEqual } from 'node:crypto';
import { BridgeError } from '../base/errors.ts';
import { entraError } from '../tokens/entra/errors.ts';
import { aadstsNumber, entraWords } from '../tokens/entra/words.ts';

/** What an administrator is asked to consent to. */
export interface ConsentRequest {
  /** `https://login.microsoftonline.com`, or another cloud's. */
  readonly authority: string;
  /** GUID or domain; `organizations` lets the administrator's own tenant decide. */
  readonly tenantId: string;
  readonly clientId: string;
  /** Registered with the app. */
  readonly redirectUri: string;
  /** For one resource. `…/.default` is everything that the registration lists. */
  readonly scopes: readonly string[];
}

/** A link for an administrator, and what identifies its answer. */
export interface ConsentLink {
  readonly url: string;
  readonly state: string;
}

/** Consent was given. */
export interface Consent {
  /** The tenant of the administrator who gave it. */
  readonly tenantId: string;
}

/** The admin consent endpoint (Learn, "Admin consent on the Microsoft identity platform"). */
export function consentLink(request: ConsentRequest): ConsentLink {
  const state = randomBytes(16).toString('base64url');
  const url = new URL(`/${encodeURIComponent(request.tenantId)}/v2.0/adminconsent`, request.authority);
  url.search = new URLSearchParams({
    client_id: request.clientId,
    scope: request.scopes.join(' '),
    redirect_uri: request.redirectUri,
    state,
  }).toString();
  return { url: url.href, state };
}

/**
 * Reads the URL that the administrator's browser was sent back to: our own, or that of a native client
 * (`…/common/oauth2/nativeclient?admin_consent=True&tenant=…&state=…`).
 * @throws BridgeError `consent-answer-invalid` if it belongs to another link or none, `consent-refused`
 */
export function readConsentAnswer(address: URL, link: ConsentLink): Consent {
  const answer = address.searchParams;
  if (!sameText(answer.get('state') ?? '', link.state)) {
    throw new BridgeError('consent-answer-invalid', 'The address does not belong to the link shown here (state).');
  }
  if (answer.has('error')) throw refusal(answer);
  const tenantId = answer.get('tenant') ?? '';
  if (answer.get('admin_consent')?.toLowerCase() !== 'true' || !/^[\w.-]{1,253}$/.test(tenantId)) {
    throw new BridgeError('consent-answer-invalid', 'The address holds neither the consent nor an error.');
  }
  return { tenantId };
}

/** Takes the same time wherever the two begin to differ. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refusal(answer: URLSearchParams): BridgeError {
  // Anybody may have put text into a URL: it is shown shortened, on one line.
  const plain = (name: string, length: number) =>
    (answer.get(name) ?? '')
      .replace(/[\s\p{C}]+/gu, ' ')
      .trim()
      .slice(0, length);
  const description = plain('error_description', 1000);
  const aadsts = aadstsNumber(description);
  const known = aadsts === undefined ? undefined : entraError(aadsts, description);
  const error = /^\w{1,40}$/.exec(plain('error', 41))?.[0] ?? 'error';
  const words = entraWords(description) || error;
  const said = `${aadsts === undefined ? '' : `AADSTS${aadsts}: `}${words}`.replace(/[.\s]*$/, '.');
  return new BridgeError(
    'consent-refused',
    `No consent was given.${known ? ` ${known.cause}` : ''} Microsoft says: ${said}`,
    {
      ...(known ? { remedy: known.remedy } : {}),
      details: { error, aadsts: aadsts === undefined ? undefined : `AADSTS${aadsts}` },
    },
  );
}
