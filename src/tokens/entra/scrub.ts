/** The fields of a token request that must be kept secret. */
const secretFields = [
  'client_secret',
  'client_assertion',
  'assertion',
  'password',
  'refresh_token',
  'code',
  'code_verifier',
  'device_code',
];

/** Returns the secrets in the body of a token request (`application/x-www-form-urlencoded`). */
export function knownSecrets(body: string | undefined): string[] {
  const fields = new URLSearchParams(body ?? '');
  return secretFields.flatMap((name) => fields.getAll(name)).filter((value) => value.length > 0);
}

/** Removes secrets from a foreign text, in whatever encoding they appear, and any token (JWT). */
export function scrub(text: string, secrets: readonly string[]): string {
  let result = text;
  for (const secret of secrets) {
    const form = new URLSearchParams({ s: secret }).toString().slice(2);
    for (const written of new Set([secret, encodeURIComponent(secret), form])) {
      result = result.replaceAll(written, '[secret]');
    }
  }
  return result.replace(/eyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, '[token]');
}
