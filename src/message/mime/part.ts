import type { HeaderBlock } from '../header/fields.ts';
import type { TransferEncoding } from './decoders.ts';
import { decodedWords } from './encodings.ts';
import { type ParameterizedValue, parseParameterized } from './parameters.ts';

/** A defect of a part, because of which readers may differ about its content. */
export type MimeDefect =
  /** Content-Type, Content-Transfer-Encoding or Content-Disposition is repeated. */
  | 'repeated-field'
  /** An undefined transfer encoding, or one not allowed for a multipart. */
  | 'unknown-encoding'
  /** A multipart without a boundary, or with that of one already open. */
  | 'bad-boundary'
  /** A multipart in which no part begins. */
  | 'no-parts'
  /** Base64 that continues after its end. */
  | 'ambiguous-base64';

/** A message or a part of one (RFC 2045, RFC 2046), and the position of its content. */
export interface MimePart {
  readonly header: HeaderBlock;
  /** `text/plain`, in lower case. */
  readonly type: string;
  /** Parameters of Content-Type. */
  readonly parameters: ReadonlyMap<string, string>;
  /** `attachment`, `inline` or another, in lower case; absent if no field says. */
  readonly disposition?: string;
  /** From Content-Disposition, otherwise from Content-Type. */
  readonly fileName?: string;
  /** Without its angle brackets. */
  readonly contentId?: string;
  readonly encoding: TransferEncoding;
  readonly defects: readonly MimeDefect[];
  /** Position in the message at which the body begins. */
  readonly start: number;
  /** Position after the end of the content; `start` if it contains other parts. */
  readonly end: number;
  /** Position after the end of the body, including what surrounds the parts of a multipart. */
  readonly bodyEnd: number;
  /** Bytes of the decoded content; 0 if it contains other parts, or was not decoded. */
  readonly decodedOctets: number;
  /** The parts of a multipart; empty for everything else. */
  readonly parts: readonly MimePart[];
  /** The message in a message/rfc822, if that was parsed. */
  readonly message?: MimePart;
}

/** A part whose end has not been seen. */
export type OpenPart = { -readonly [Key in keyof MimePart]: MimePart[Key] } & {
  defects: MimeDefect[];
  parts: MimePart[];
};

/** Reads the header of a part. @param defaultType if it names none (RFC 2046 section 5.1) */
export function partOf(header: HeaderBlock, start: number, defaultType: string): OpenPart {
  const contentType = parseParameterized(header.get('Content-Type') ?? defaultType);
  const type = /^[^\s/;]+\/[^\s/;]+$/.test(contentType.value) ? contentType.value : 'text/plain';
  const disposition = parseParameterized(header.get('Content-Disposition') ?? '');
  const fileName = fileNameOf(disposition, contentType);
  const contentId = header
    .get('Content-ID')
    ?.replace(/^<(.*)>$/s, '$1')
    .trim();
  const encoding = encodingOf(header.get('Content-Transfer-Encoding'), type.startsWith('multipart/'));
  const defects: MimeDefect[] = structural.some((name) => header.getAll(name).length > 1) ? ['repeated-field'] : [];
  if (encoding === undefined) defects.push('unknown-encoding');
  return {
    header,
    type,
    parameters: contentType.parameters,
    ...(disposition.value === '' ? {} : { disposition: disposition.value }),
    ...(fileName === undefined ? {} : { fileName }),
    ...(contentId ? { contentId } : {}),
    encoding: encoding ?? 'binary',
    defects,
    start,
    end: start,
    bodyEnd: start,
    decodedOctets: 0,
    parts: [],
  };
}

const structural = ['Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition'];

/**
 * Many programs put encoded-words into file names, against RFC 2047 section 5. Names with a path come from careless or
 * hostile programs.
 */
function fileNameOf(disposition: ParameterizedValue, contentType: ParameterizedValue): string | undefined {
  const path = decodedWords(disposition.parameters.get('filename') ?? contentType.parameters.get('name') ?? '');
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return name.trim() || undefined;
}

function encodingOf(field: string | undefined, isMultipart: boolean): TransferEncoding | undefined {
  const name = parseParameterized(field ?? '').value || '7bit';
  if (name === '7bit' || name === '8bit' || name === 'binary') return name;
  if ((name === 'base64' || name === 'quoted-printable') && !isMultipart) return name;
  return undefined;
}

/** Yields a part and all parts within it, in order; parts of an embedded message are not included. */
export function* allParts(part: MimePart): Generator<MimePart> {
  yield part;
  for (const child of part.parts) yield* allParts(child);
}
