import { fieldValue, type MimeField, type ParameterizedField, parseHeader, parseParameterized } from './header.ts';

/** A message or a part of one (RFC 2045, 2046). */
export interface BodyPart {
  /** The header with the blank line that ends it. */
  readonly header: Buffer;
  readonly body: Buffer;
  readonly fields: readonly MimeField[];
  /** Upper case. */
  readonly type: string;
  /** Upper case. */
  readonly subtype: string;
  readonly contentType: ParameterizedField;
  /** The parts of a multipart; empty for everything else. */
  readonly parts: readonly BodyPart[];
  /** The message in a message/rfc822. */
  readonly message: BodyPart | undefined;
}

/** Deeper or more parts than that are taken as they are, without looking into them. */
const maxDepth = 50;
const maxParts = 5_000;

/** Takes a message apart. It never fails: what is malformed becomes a part without structure. */
export function parseMime(octets: Buffer): BodyPart {
  return parsePart(octets, { depth: 0, budget: { parts: maxParts }, defaultType: 'text/plain' });
}

interface Place {
  readonly depth: number;
  readonly budget: { parts: number };
  readonly defaultType: string;
}

function parsePart(octets: Buffer, place: Place): BodyPart {
  place.budget.parts--;
  const headerEnd = endOfHeader(octets);
  const header = octets.subarray(0, headerEnd);
  const body = octets.subarray(headerEnd);
  const fields = parseHeader(header.toString('latin1'));
  const contentType = parseParameterized(fieldValue(fields, 'content-type') ?? place.defaultType);
  const [type = '', subtype = ''] = typeOf(contentType.value, place.defaultType);
  const inner = place.depth < maxDepth && place.budget.parts > 0;
  const parts = inner && type === 'MULTIPART' ? multipart(body, contentType, subtype, place) : [];
  const message = inner && type === 'MESSAGE' && subtype === 'RFC822' && isIdentity(fields) ? body : undefined;
  return {
    header,
    body,
    fields,
    type: type === 'MULTIPART' && parts.length === 0 ? 'TEXT' : type,
    subtype: type === 'MULTIPART' && parts.length === 0 ? 'PLAIN' : subtype,
    contentType,
    parts,
    message: message && parsePart(message, { ...place, depth: place.depth + 1, defaultType: 'text/plain' }),
  };
}

function typeOf(value: string, defaultType: string): string[] {
  const named = /^[!#-'*-.0-9A-Z^-~]+\/[!#-'*-.0-9A-Z^-~]+$/i.test(value) ? value : defaultType;
  return named.toUpperCase().split('/');
}

/** RFC 2046 section 5.2.1 allows no other encoding of a message; where there is one we do not look inside. */
function isIdentity(fields: readonly MimeField[]): boolean {
  const encoding = fieldValue(fields, 'content-transfer-encoding')?.toLowerCase() ?? '7bit';
  return encoding !== 'base64' && encoding !== 'quoted-printable';
}

function endOfHeader(octets: Buffer): number {
  if (octets[0] === 0x0a) return 1;
  if (octets[0] === 0x0d && octets[1] === 0x0a) return 2;
  const crlf = octets.indexOf('\r\n\r\n');
  const lf = octets.indexOf('\n\n');
  if (crlf >= 0 && (lf < 0 || crlf < lf)) return crlf + 4;
  return lf >= 0 ? lf + 2 : octets.length;
}

function multipart(body: Buffer, contentType: ParameterizedField, subtype: string, place: Place): BodyPart[] {
  const boundary = contentType.parameters.get('boundary');
  if (boundary === undefined || boundary === '') return [];
  const defaultType = subtype === 'DIGEST' ? 'message/rfc822' : 'text/plain';
  const parts: BodyPart[] = [];
  for (const octets of between(body, Buffer.from(`--${boundary}`, 'latin1'))) {
    if (place.budget.parts <= 0) break;
    parts.push(parsePart(octets, { ...place, depth: place.depth + 1, defaultType }));
  }
  return parts;
}

/** The stretches between delimiter lines; the line end ahead of a delimiter belongs to the delimiter. */
function* between(body: Buffer, delimiter: Buffer): Generator<Buffer> {
  let start: number | undefined;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue;
    const lineEnd = body.indexOf(0x0a, at);
    const rest = body.toString('latin1', at + delimiter.length, lineEnd < 0 ? body.length : lineEnd);
    if (!/^(--)?[ \t]*\r?$/.test(rest)) continue;
    if (start !== undefined) yield body.subarray(start, Math.max(start, withoutLineEnd(body, at)));
    if (rest.startsWith('--')) return;
    start = lineEnd < 0 ? body.length : lineEnd + 1;
  }
  // The closing delimiter is missing: the last part goes on to the end.
  if (start !== undefined) yield body.subarray(start);
}

function withoutLineEnd(body: Buffer, at: number): number {
  return body[at - 2] === 0x0d ? at - 2 : at - 1;
}
