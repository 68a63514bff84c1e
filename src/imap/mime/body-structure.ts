import { formatNstring, formatOctets } from '../wire/format.ts';
import { formatEnvelope } from './envelope.ts';
import { fieldValue, type ParameterizedField, parseParameterized } from './header.ts';
import type { BodyPart } from './part.ts';

/**
 * BODYSTRUCTURE, or BODY without the extension data (RFC 9051 section 7.5.2), octets one per character.
 */
export function formatBodyStructure(part: BodyPart, extended: boolean): string {
  const structure = part.parts.length > 0 ? multipart(part, extended) : singlePart(part, extended);
  return `(${structure.join(' ')})`;
}

function multipart(part: BodyPart, extended: boolean): string[] {
  const structure = [
    part.parts.map((child) => formatBodyStructure(child, extended)).join(''),
    formatOctets(part.subtype),
  ];
  return extended ? [...structure, parameters(part.contentType), ...disposition(part)] : structure;
}

function singlePart(part: BodyPart, extended: boolean): string[] {
  const field = (name: string): string => formatNstring(fieldValue(part.fields, name));
  const structure = [
    formatOctets(part.type),
    formatOctets(part.subtype),
    textParameters(part),
    field('content-id'),
    field('content-description'),
    formatOctets((fieldValue(part.fields, 'content-transfer-encoding') || '7BIT').toUpperCase()),
    String(part.body.length),
  ];
  if (part.message !== undefined) {
    structure.push(formatEnvelope(part.message.fields), formatBodyStructure(part.message, extended));
  }
  if (part.message !== undefined || part.type === 'TEXT') structure.push(String(countLines(part.body)));
  return extended ? [...structure, field('content-md5'), ...disposition(part)] : structure;
}

/** body-fld-dsp, body-fld-lang and body-fld-loc. */
function disposition(part: BodyPart): string[] {
  const text = fieldValue(part.fields, 'content-disposition');
  const parsed = text === undefined ? undefined : parseParameterized(text);
  const dsp = parsed === undefined || parsed.value === '' ? 'NIL' : dispositionOf(parsed);
  const language = fieldValue(part.fields, 'content-language');
  const location = fieldValue(part.fields, 'content-location');
  return [dsp, formatNstring(language), formatNstring(location)];
}

function dispositionOf(parsed: ParameterizedField): string {
  return `(${formatOctets(parsed.value.toUpperCase())} ${parameters(parsed)})`;
}

function textParameters(part: BodyPart): string {
  // RFC 2045 section 5.2: text without a charset is US-ASCII.
  if (part.type === 'TEXT' && part.contentType.parameters.size === 0) return '("CHARSET" "US-ASCII")';
  return parameters(part.contentType);
}

function parameters({ parameters: pairs }: ParameterizedField): string {
  if (pairs.size === 0) return 'NIL';
  return `(${[...pairs].map(([name, value]) => `${formatOctets(name.toUpperCase())} ${formatOctets(value)}`).join(' ')})`;
}

function countLines(body: Buffer): number {
  let lines = 0;
  for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) lines++;
  return lines;
}
