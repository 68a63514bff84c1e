import { holdsUnseen } from '../base/visible.ts';

/** An address with its parameters, as given in MAIL FROM or RCPT TO. */
export interface AddressPath {
  /** Without brackets and source route; empty for `<>`; may lack a domain. */
  readonly address: string;
  /** Keys in capitals; `true` for a keyword without a value. Values are xtext decoded (RFC 3461 section 4). */
  readonly parameters: Readonly<Record<string, string | true>>;
  /** A parameter that was given twice. */
  readonly duplicate?: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafeCharacters = /[\x00-\x1f\ufffd]/;
const sourceRoute = /^@[^\s,:@<>]+(?:,@[^\s,:@<>]+)*:/;
const maxPathOctets = 254;
/** Parameters without a value (RFC 6531 section 3.4, RFC 8689 section 3), and those whose value is optional. */
const bareKeywords = new Set(['SMTPUTF8', 'REQUIRETLS', 'SIZE', 'BODY', 'RET', 'ENVID', 'NOTIFY', 'ORCPT', 'AUTH']);

/**
 * Parses `MAIL FROM:<path> parameters` (RFC 5321 section 4.1.1.2) as devices write it: spaces around the colon and the
 * path, no angle brackets, no domain, a quoted local part with spaces.
 * @param verb `MAIL FROM` or `RCPT TO`
 * @returns undefined if no reading makes sense
 */
export function parseAddressPath(verb: string, command: string): AddressPath | undefined {
  const colon = command.indexOf(':');
  if (colon < 0 || command.slice(0, colon).trim().toUpperCase() !== verb) return undefined;
  const rest = command.slice(colon + 1).trim();
  const end = pathEnd(rest);
  if (end === undefined) return undefined;
  const bracketed = rest.startsWith('<');
  const path = bracketed ? rest.slice(1, end - 1).trim() : rest.slice(0, end);
  const address = path.replace(sourceRoute, '');
  if (!bracketed && address === '') return undefined;
  if (!isAcceptable(address)) return undefined;
  const read = parseParameters(rest.slice(end));
  return read && { address, ...read };
}

/** Index after the path: after its `>`, or at the first space outside quotes. */
function pathEnd(text: string): number | undefined {
  const bracketed = text.startsWith('<');
  let quoted = false;
  for (let i = bracketed ? 1 : 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && bracketed && c === '>') return i + 1;
    else if (!quoted && !bracketed && (c === ' ' || c === '\t')) return i;
  }
  return bracketed || quoted ? undefined : text.length;
}

/**
 * Whether it is neither too long nor able to break a log line, and either `<>`, a bare local part, or `local@domain`.
 */
function isAcceptable(address: string): boolean {
  if (address === '') return true;
  if (isUnsafe(address) || Buffer.byteLength(address) > maxPathOctets) return false;
  const at = address.lastIndexOf('@');
  if (at === -1) return isLocalPart(address);
  return isLocalPart(address.slice(0, at)) && isDomain(address.slice(at + 1));
}

/** Control characters break a log line; invisible ones make one address look like another. */
function isUnsafe(text: string): boolean {
  return unsafeCharacters.test(text) || holdsUnseen(text);
}

/** A quoted string, or anything without the characters that end or split an address. */
function isLocalPart(text: string): boolean {
  return /^"(?:[^"\\]|\\.)*"$/.test(text) || /^[^\s"<>@,;:()[\]\\]+$/.test(text);
}

function isDomain(text: string): boolean {
  if (/^\[[0-9a-fA-F.:]+\]$/.test(text) || /^\[IPv6:[0-9a-fA-F.:]+\]$/i.test(text)) return true;
  return text.split('.').every((label) => /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}_])?$/u.test(label));
}

function parseParameters(text: string): Pick<AddressPath, 'parameters' | 'duplicate'> | undefined {
  const parameters: Record<string, string | true> = Object.create(null);
  let duplicate: string | undefined;
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const key = (equals < 0 ? word : word.slice(0, equals)).toUpperCase();
    const value = equals < 0 ? true : decodeXtext(word.slice(equals + 1)) || true;
    // `RCPT TO:nobody here` must not become somebody called nobody.
    if (equals < 0 && !bareKeywords.has(key)) return undefined;
    if (!/^[A-Z0-9-]+$/.test(key) || (value !== true && isUnsafe(value))) return undefined;
    if (key in parameters) duplicate = key;
    parameters[key] = value;
  }
  return duplicate === undefined ? { parameters } : { parameters, duplicate };
}

/** RFC 3461 section 4: `+XX` stands for the octet XX. */
function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
