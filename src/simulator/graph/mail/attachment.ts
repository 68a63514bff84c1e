import { randomUUID } from 'node:crypto';
import { type FieldValue, type Part, writeFields } from './mime-parts.ts';

/** A file or a message that a draft carries. */
export interface Attachment {
  readonly id: string;
  readonly kind: 'file' | 'item';
  readonly name: string;
  readonly contentType: string;
  readonly contentId: string | undefined;
  readonly isInline: boolean;
  /** The bytes, in pieces. */
  readonly chunks: readonly Buffer[];
  readonly size: number;
}

/** A client's description of an attachment, whichever way it was added. */
export interface AttachmentFacts {
  readonly name: string;
  readonly contentType?: string | null | undefined;
  readonly contentId?: string | null | undefined;
  readonly isInline?: boolean | null | undefined;
}

export function newAttachment(kind: Attachment['kind'], facts: AttachmentFacts, chunks: readonly Buffer[]): Attachment {
  return {
    id: Buffer.from(`attachment\n${randomUUID()}`).toString('base64url'),
    kind,
    name: facts.name,
    contentType: kind === 'item' ? 'message/rfc822' : facts.contentType || 'application/octet-stream',
    contentId: facts.contentId ?? undefined,
    isInline: facts.isInline ?? false,
    chunks,
    size: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  };
}

/** An attachment as Graph shows it, without its content. */
export function describeAttachment(attachment: Attachment) {
  const { id, kind, name, contentType, contentId, isInline, size } = attachment;
  return {
    '@odata.type': kind === 'file' ? '#microsoft.graph.fileAttachment' : '#microsoft.graph.itemAttachment',
    id,
    name,
    contentType: kind === 'file' ? contentType : null,
    size,
    isInline,
    ...(kind === 'file' ? { contentId: contentId ?? null } : {}),
  };
}

/** An attachment as a MIME entity. An attached message is not encoded (RFC 2046 section 5.2.1). */
export function attachmentPart(attachment: Attachment): Part {
  const { name, contentType, contentId, isInline, chunks } = attachment;
  const isMessage = /^message\//i.test(contentType);
  const fields: (readonly [string, FieldValue])[] = [
    ['Content-Type', contentType],
    ['Content-Disposition', isInline ? 'inline' : 'attachment'],
    ['Content-Transfer-Encoding', isMessage ? '8bit' : 'base64'],
  ];
  if (contentId !== undefined) fields.push(['Content-ID', `<${contentId.replace(/^<|>$/g, '')}>`]);
  return { header: writeFields(fields, { filename: name }), body: isMessage ? chunks : [{ base64: chunks }] };
}
