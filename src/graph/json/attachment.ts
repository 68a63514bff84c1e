import { extname } from 'node:path';
import { Readable } from 'node:stream';
import type { MimePart } from '../../message/mime/part.ts';
import { oneLine } from '../../message/safe-text.ts';
import { base64Length } from '../client/base64-stream.ts';
import type { GraphRequestBody } from '../client/client.ts';

/** A part that becomes a `fileAttachment` (Microsoft: "fileAttachment resource type"). */
export interface JsonAttachment {
  readonly part: MimePart;
  readonly name: string;
  readonly contentType: string;
  readonly contentId?: string;
  /** The HTML shows it; mail programs then leave it out of their list of attachments. */
  readonly isInline: boolean;
  /** Decoded length. */
  readonly octets: number;
}

/** Extensions for parts without a name, for types that need one to be opened. */
const endings: Readonly<Record<string, string>> = {
  'text/plain': 'txt',
  'text/html': 'htm',
  'text/calendar': 'ics',
  'text/csv': 'csv',
  'text/vcard': 'vcf',
  'message/rfc822': 'eml',
  'message/global': 'eml',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/json': 'json',
  'application/xml': 'xml',
  'text/xml': 'xml',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/tiff': 'tif',
  'image/svg+xml': 'svg',
};

/**
 * @param number of the attachment in its message, from 1; used in the name of one without a name, as Exchange would
 * @param shown Content-IDs that the HTML shows
 */
export function attachmentOf(part: MimePart, number: number, shown: ReadonlySet<string>): JsonAttachment {
  const { type, fileName, contentId, decodedOctets } = part;
  const otherName = `ATT${String(number).padStart(5, '0')}.${endings[type] ?? 'bin'}`;
  return {
    part,
    name: shortened(fileName ?? '') || otherName,
    contentType: type,
    ...(contentId !== undefined && { contentId }),
    // If it were inline without being shown in the text, the reader would not see it.
    isInline: contentId !== undefined && shown.has(contentId),
    octets: decodedOctets,
  };
}

/** A file name of one line and at most 255 characters that keeps its extension. */
function shortened(fileName: string): string {
  if (fileName.length <= 255) return oneLine(fileName);
  const ending = extname(fileName).slice(0, 20);
  return oneLine(fileName, 255 - ending.length) + oneLine(ending);
}

/** Content-IDs that HTML refers to (RFC 2392), both literally and unescaped. */
export function shownContentIds(html: string): ReadonlySet<string> {
  const written = [...html.matchAll(/\bcid:([^"'<>\s)]+)/gi)].map(([, id = '']) => id.replaceAll('&amp;', '&'));
  return new Set(written.flatMap((id) => [id, percentDecoded(id)]));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An attachment as it is posted, without its content. */
export function jsonAttachment({ name, contentType, contentId, isInline }: JsonAttachment) {
  return {
    '@odata.type': '#microsoft.graph.fileAttachment',
    name,
    contentType,
    ...(contentId !== undefined && { contentId }),
    isInline,
  };
}

/** A multiple of three octets. */
const encodedAtATime = 48 * 1024;

/**
 * An attachment as the body of a request. The octets are encoded while they are sent, and must not change until then.
 */
export function attachmentBody(attachment: JsonAttachment, octets: Buffer): GraphRequestBody {
  const head = Buffer.from(`${JSON.stringify(jsonAttachment(attachment)).slice(0, -1)},"contentBytes":"`);
  const tail = Buffer.from('"}');
  function* pieces(): Generator<Buffer> {
    yield head;
    for (let start = 0; start < octets.length; start += encodedAtATime) {
      yield Buffer.from(octets.toString('base64', start, start + encodedAtATime), 'latin1');
    }
    yield tail;
  }
  return {
    contentType: 'application/json',
    octets: head.length + base64Length(octets.length) + tail.length,
    open: () => Readable.from(pieces(), { objectMode: false }),
  };
}
