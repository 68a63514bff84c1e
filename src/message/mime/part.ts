import type { HeaderBlock } from '../header/fields.ts';
import type { TransferEncoding } from './decoders.ts';
import { decodedWords } from './encodings.ts';
import { type ParameterizedValue, parseParameterized } from './parameters.ts';

/** What is wrong with a part, so that not every reader finds the same in it. */
export type MimeDefect =
  /** Content-Type, Content-Transfer-Encoding or Content-Disposition stands twice. */
  | 'repeated-field'
  /** A transfer encoding that nobody defined, or one that a multipart may not have. */
  | 'unknown-encoding'
  /** A multipart without a boundary, or with one that is open already. */
  | 'bad-boundary'
  /** A multipart in which no part begins. */
  | 'no-parts'
  /** Base64 that goes on behind its end. */
  | 'ambiguous-base64';

/** A message or a part of one (RFC 2045, RFC 2046), and where its content lies. */
export interface MimePart {
  readonly header: HeaderBlock;
  /** `text/plain`, in lower case. */
  readonly type: string;
  /** Of Content-Type. */
  readonly parameters: ReadonlyMap<string, string>;
  /** `attachment`, `inline` or another, in lower case; absent where no field says. */
  readonly disposition?: string;
  /** From Content-Disposition, else from Content-Type. */
  readonly fileName?: string;
  /** Without its angle brackets. */
  readonly contentId?: string;
  readonly encoding: TransferEncoding;
  readonly defects: readonly MimeDefect[];
  /** Octet of the message at which the body begins. */
  readonly start: number;
  /** The one behind the end of the content; `start` where other parts are within. */
  readonly end: number;
  /** The one behind the end of the body, what stands around the parts of a multipart included. */
  readonly bodyEnd: number;
  /** Octets of the content, the transfer encoding undone; 0 where other parts are within, or nobody asked. */
  readonly decodedOctets: number;
  /** The parts of a multipart; empty for everything else. */
  readonly parts: readonly MimePart[];
  /** The message in a message/rfc822, where that is looked into. */
  readonly message?: MimePart;
}

/** A part whose end has not been seen. */
export type OpenPart = { -readonly [Key in keyof MimePart]: MimePart[Key] } & {
  defects: MimeDefect[];
  parts: MimePart[];
};

/** What the header of a part says. @param defaultType where it names none (RFC 2046 section 5.1) */
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
 * Many programs put encoded-words into file names, against RFC 2047 section 5. Names with a path come from careless
 * programs, or from hostile ones.
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

/** A part and all parts within it, from the first octet on; those of a message in it are none of its own. */
export function* allParts(part: MimePart): Generator<MimePart> {
  yield part;
  for (const child of part.parts) yield* allParts(child);
}
