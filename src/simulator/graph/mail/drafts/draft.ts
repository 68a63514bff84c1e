import { randomUUID } from 'node:crypto';
import { addressesIn, headerFields } from '../../../delivery/message-headers.ts';
import type { StoredProperty } from '../../../mailboxes/stored-message.ts';
import { type Attachment, attachmentPart } from '../attachment.ts';
import type { GraphRecipient, MessageProperties } from '../message-properties.ts';
import { plainTextOf } from '../messages/body-text.ts';
import { fieldsFrom, merged } from '../messages/extended-properties.ts';
import { multipart, type Part, textPart, writeFields, writePieces } from '../mime-parts.ts';
import { propertyFields } from '../property-fields.ts';

/** A message as MIME: its own fields and its entity. */
interface MimeSource {
  readonly octets: Buffer;
  /** Fields that do not describe the content, each with its line end. */
  readonly fields: readonly { readonly name: string; readonly octets: Buffer }[];
  readonly entity: Part;
}

/**
 * A message being composed: from MIME or from properties, changed by properties, with attachments. Its MIME is made on
 * demand.
 */
export class StoredDraft {
  readonly immutableId = randomUUID();
  readonly #source: MimeSource | undefined;
  readonly #attachments: Attachment[] = [];
  #given: MessageProperties;

  private constructor(source: MimeSource | undefined, given: MessageProperties) {
    this.#source = source;
    this.#given = given;
  }

  static fromMime(octets: Buffer): StoredDraft {
    return new StoredDraft(readSource(octets), {});
  }

  /** @param domain of the Message-ID, if none is given */
  static fromProperties(given: MessageProperties, mailbox: string, domain: string, sentAt = new Date()): StoredDraft {
    const date = `Date: ${sentAt.toUTCString().replace('GMT', '+0000')}\r\n`;
    const fields = [{ name: 'date', octets: Buffer.from(date) }];
    const entity = textPart('plain', '');
    return new StoredDraft(
      { octets: Buffer.alloc(0), fields, entity },
      {
        ...given,
        from: given.from ?? { emailAddress: { address: mailbox } },
        internetMessageId: given.internetMessageId || `<${randomUUID()}@${domain}>`,
        subject: given.subject ?? '',
        body: given.body ?? { contentType: 'text', content: '' },
      },
    );
  }

  get attachments(): readonly Attachment[] {
    return this.#attachments;
  }

  /** The body that was given as a property. */
  get body(): { readonly contentType: string; readonly content: string } | undefined {
    return this.#given.body;
  }

  get properties(): readonly StoredProperty[] {
    return this.#given.singleValueExtendedProperties ?? [];
  }

  /** Bytes of body and attachments, before encoding. */
  get size(): number {
    const body = Buffer.byteLength(this.#given.body?.content ?? '') + (this.#source?.octets.length ?? 0);
    return this.#attachments.reduce((sum, { size }) => sum + size, body);
  }

  change(patch: MessageProperties): void {
    const { singleValueExtendedProperties: properties } = patch;
    const together = properties && { singleValueExtendedProperties: [...merged(this.properties, properties)] };
    this.#given = { ...this.#given, ...patch, ...together };
  }

  attach(attachment: Attachment): void {
    this.#attachments.push(attachment);
  }

  /** @returns whether it existed */
  detach(id: string): boolean {
    const index = this.#attachments.findIndex((attachment) => attachment.id === id);
    if (index >= 0) this.#attachments.splice(index, 1);
    return index >= 0;
  }

  /** The header fields that do not describe the content, with the empty line. */
  header(): Buffer {
    return Buffer.concat([...this.#fields(), Buffer.from('\r\n')]);
  }

  /** The message; unchanged MIME is returned byte for byte. */
  compose(): Buffer {
    const octets = this.#source?.octets;
    if (octets?.length && this.#isAsGiven && this.#attachments.length === 0) return octets;
    const { header, body } = this.#withAttachments(this.#entity());
    const ofContent = Buffer.from(`MIME-Version: 1.0\r\n${header}\r\n`, 'latin1');
    return writePieces([...this.#fields(), ofContent, ...body]);
  }

  /** Nothing that its MIME shows was changed. */
  get #isAsGiven(): boolean {
    const { singleValueExtendedProperties: _, ...shown } = this.#given;
    return Object.keys(shown).length === 0 && fieldsFrom(this.properties).length === 0;
  }

  #fields(): readonly Buffer[] {
    const { fields, replaced } = propertyFields(this.#given, authorIn(this.#source));
    const kept = this.#source?.fields.filter(({ name }) => !replaced.includes(name)) ?? [];
    return [...kept.map(({ octets }) => octets), Buffer.from(writeFields(fields))];
  }

  /** Exchange adds a plain text version to an HTML body. */
  #entity(): Part {
    const body = this.#given.body;
    if (body === undefined) return this.#source?.entity ?? textPart('plain', '');
    if (body.contentType.toLowerCase() !== 'html') return textPart('plain', body.content);
    return multipart('alternative', this.#boundary('a'), [
      textPart('plain', plainTextOf(body.content)),
      textPart('html', body.content),
    ]);
  }

  /** Pictures that the body shows are next to it (RFC 2387), everything else after both. */
  #withAttachments(entity: Part): Part {
    const shown = this.#attachments.filter(({ isInline, contentId }) => isInline && contentId !== undefined);
    const others = this.#attachments.filter((attachment) => !shown.includes(attachment));
    const parts = (list: readonly Attachment[]) => list.map(attachmentPart);
    const related = shown.length === 0 ? entity : multipart('related', this.#boundary('r'), [entity, ...parts(shown)]);
    return others.length === 0 ? related : multipart('mixed', this.#boundary('m'), [related, ...parts(others)]);
  }

  #boundary(level: string): string {
    return `_${level}_${this.immutableId}_`;
  }
}

function readSource(octets: Buffer): MimeSource {
  const all = headerFields(octets).map(({ name, start, end }) => ({ name, octets: octets.subarray(start, end), end }));
  const isOfContent = ({ name }: { name: string }) => name.startsWith('content-') || name === 'mime-version';
  const headerEnd = all.at(-1)?.end ?? 0;
  const separator = /^\r?\n/.exec(octets.toString('latin1', headerEnd, headerEnd + 2))?.[0].length ?? 0;
  const contentFields = all.filter((field) => field.name.startsWith('content-'));
  return {
    octets,
    fields: all.filter((field) => !isOfContent(field)),
    entity: {
      header: contentFields.map((field) => field.octets.toString('latin1')).join(''),
      body: [octets.subarray(headerEnd + separator)],
    },
  };
}

/** The sender of a message given as MIME. */
function authorIn(source: MimeSource | undefined): GraphRecipient | undefined {
  const [from] = source === undefined ? [] : addressesIn(headerFields(source.octets), 'from').addresses;
  return from === undefined ? undefined : { emailAddress: { address: from } };
}
