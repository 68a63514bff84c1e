import { withoutComments } from './header.ts';

/** One address of a header field, octets one per character, nothing decoded. A group's ends are addresses without host. */
export interface HeaderAddress {
  readonly name: string | undefined;
  readonly local: string | undefined;
  readonly host: string | undefined;
}

/** More than that are left out. */
const maxAddresses = 5_000;

/** An address list as ENVELOPE and SEARCH need it (RFC 5322 section 3.4), forgiving. */
export function parseAddresses(text: string): readonly HeaderAddress[] {
  const addresses: HeaderAddress[] = [];
  for (const { text: piece, end } of pieces(withoutComments(text))) {
    if (addresses.length >= maxAddresses) break;
    const trimmed = piece.trim();
    if (end === ':') addresses.push({ name: undefined, local: unquoted(trimmed), host: undefined });
    else if (trimmed !== '') addresses.push(parseMailbox(trimmed));
    if (end === ';') addresses.push({ name: undefined, local: undefined, host: undefined });
  }
  return addresses;
}

/** Cuts at the commas, colons and semicolons that stand outside quotes and angle brackets. */
function* pieces(text: string): Generator<{ text: string; end: string }> {
  let start = 0;
  let inGroup = false;
  const pattern = /"(?:[^"\\]|\\.)*"?|<[^>]*>?|[,:;]/gs;
  for (const match of text.matchAll(pattern)) {
    const end = match[0];
    if (end !== ',' && end !== ':' && end !== ';') continue;
    if (end === ';' && !inGroup) continue;
    if (end === ':' && inGroup) continue;
    if (end !== ',') inGroup = end === ':';
    yield { text: text.slice(start, match.index), end };
    start = match.index + 1;
  }
  yield { text: text.slice(start), end: '' };
}

function parseMailbox(text: string): HeaderAddress {
  const angle = /^((?:"(?:[^"\\]|\\.)*"|[^<"])*)<([^>]*)>?/s.exec(text);
  const spec = (angle?.[2] ?? text).trim().replace(/^@[^:]*:/, '');
  const name = angle === null ? '' : unquoted((angle[1] ?? '').trim());
  const at = spec.lastIndexOf('@');
  return {
    name: name === '' ? undefined : name,
    local: unquoted(at < 0 ? spec : spec.slice(0, at)),
    host: at < 0 ? '' : spec.slice(at + 1),
  };
}

function unquoted(text: string): string {
  return text.replace(/"((?:[^"\\]|\\.)*)"/gs, (_, inner: string) => inner.replace(/\\(.)/gs, '$1'));
}
