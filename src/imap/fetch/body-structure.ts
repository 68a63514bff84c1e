import { type ParameterizedValue, parseParameterized } from '../../message/mime/parameters.ts';
import type { MimePart } from '../../message/mime/part.ts';
import { formatNstring, formatString } from '../wire/format.ts';
import { formatEnvelope } from './envelope.ts';
import type { ParsedMessage } from './parsed-message.ts';

/** Longer values are cut; in UTF-16 code units. */
const maxParameterized = 16 * 1024;

/** BODYSTRUCTURE, or BODY without the extension data (RFC 9051 section 7.5.2). */
export function formatBodyStructure(message: ParsedMessage, extended: boolean): string {
  return formatPart(message, message.root, extended);
}

function formatPart(message: ParsedMessage, part: MimePart, extended: boolean): string {
  const structure = part.parts.length > 0 ? multipart(message, part, extended) : singlePart(message, part, extended);
  return `(${structure.join(' ')})`;
}

function multipart(message: ParsedMessage, part: MimePart, extended: boolean): string[] {
  const children = part.parts.map((child) => formatPart(message, child, extended)).join('');
  const structure = [children, formatString(subtypeOf(part))];
  return extended ? [...structure, parameters(contentTypeOf(part)), ...disposition(part)] : structure;
}

function singlePart(message: ParsedMessage, part: MimePart, extended: boolean): string[] {
  const field = (name: string): string => formatNstring(part.header.get(name));
  // A multipart without parts is reported as text.
  const isText = part.type.startsWith('text/') || part.type.startsWith('multipart/');
  const body = message.body(part);
  const structure = [
    formatString(isText ? 'TEXT' : part.type.split('/', 1).join('').toUpperCase()),
    formatString(part.type.startsWith('multipart/') ? 'PLAIN' : subtypeOf(part)),
    isText ? textParameters(part) : parameters(contentTypeOf(part)),
    field('Content-ID'),
    field('Content-Description'),
    formatString(transferEncodingOf(part)),
    String(body.length),
  ];
  if (part.message !== undefined) {
    structure.push(formatEnvelope(part.message.header), formatPart(message, part.message, extended));
  }
  if (part.message !== undefined || isText) structure.push(String(countLines(body)));
  return extended ? [...structure, field('Content-MD5'), ...disposition(part)] : structure;
}

/** As written, without comments. */
function transferEncodingOf({ header }: MimePart): string {
  const field = header.get('Content-Transfer-Encoding') ?? '';
  return parseParameterized(field.slice(0, maxParameterized)).value.toUpperCase() || '7BIT';
}

function subtypeOf({ type }: MimePart): string {
  return type.slice(type.indexOf('/') + 1).toUpperCase();
}

function contentTypeOf({ header }: MimePart): ParameterizedValue {
  return parseParameterized((header.get('Content-Type') ?? '').slice(0, maxParameterized));
}

/** body-fld-dsp, body-fld-lang and body-fld-loc. */
function disposition({ header }: MimePart): string[] {
  const parsed = parseParameterized((header.get('Content-Disposition') ?? '').slice(0, maxParameterized));
  const dsp = parsed.value === '' ? 'NIL' : `(${formatString(parsed.value.toUpperCase())} ${parameters(parsed)})`;
  return [dsp, formatNstring(header.get('Content-Language')), formatNstring(header.get('Content-Location'))];
}

function textParameters(part: MimePart): string {
  const contentType = contentTypeOf(part);
  // RFC 2045 section 5.2: text without a charset is US-ASCII.
  return contentType.written.size === 0 ? '("CHARSET" "US-ASCII")' : parameters(contentType);
}

function parameters({ written }: ParameterizedValue): string {
  if (written.size === 0) return 'NIL';
  return `(${[...written].map(([name, value]) => `${formatString(name.toUpperCase())} ${formatString(value)}`).join(' ')})`;
}

function countLines(body: Buffer): number {
  let lines = 0;
  for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) lines++;
  return lines;
}
