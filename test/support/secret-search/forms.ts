/** Shorter secrets are not searched for: they occur by chance. */
export const minLength = 8;

/** Whether a secret can be searched for: long enough, and more than ordinary words. Tests use such secrets. */
export function isDistinctive(secret: string): boolean {
  return secret.length >= minLength && /[^A-Za-z\s]/.test(secret);
}

const excerptLength = 32;

/**
 * The texts by which a secret is recognized, as UTF-8 read octet by octet (latin1): itself, as written in JSON and
 * URLs, and its base64 at any position of the encoded text (SASL PLAIN, LOGIN and XOAUTH2, Basic authentication). A
 * long secret is recognized by its beginning and by its end: a truncated line also reveals too much.
 */
export function formsOf(secret: string): ReadonlySet<string> {
  const long = secret.length > 2 * excerptLength;
  const parts = long ? [secret.slice(0, excerptLength), secret.slice(-excerptLength)] : [secret];
  const forms = parts.flatMap((part) => {
    const once = inJson(part);
    const form = new URLSearchParams({ '': part }).toString().slice(1);
    return [part, once, inJson(once), encodeURIComponent(part.toWellFormed()), form, ...base64Of(part)];
  });
  return new Set(forms.map((form) => Buffer.from(form).toString('latin1')));
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * Base64 (RFC 4648) of a text with 0, 1 or 2 octets before it, without the characters it shares with the surrounding
 * text.
 */
function base64Of(text: string): readonly string[] {
  const octets = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), octets]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((encoded.length * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) => encoded.toString(encoding).slice(from, to));
  });
}

/** Secrets that no output may contain, whatever their origin. */
export const secretPatterns: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['token (JWT)', /eyJ[\w-]{8,}\.[\w-]+\.?/g],
  ['private key', /PRIVATE KEY/g],
  ['bearer token', /\bBearer [\w.~+/-]{8,}/gi],
  ['XOAUTH2 response', /auth=Bearer/gi],
  // "user=" and the text after it.
  ['XOAUTH2 response in base64', /dXNlcj[\w+/]{12,}/g],
];
