import type { Readable } from 'node:stream';
import { type HeaderBlock, HeaderTooLargeError } from '../../message/header/fields.ts';
import type { MimePart } from '../../message/mime/part.ts';
import { readMimeStructure, readPart } from '../../message/mime/reader.ts';
import { MimeTooComplexError } from '../../message/mime/scanner.ts';
import { attachmentOf, type JsonAttachment, shownContentIds } from './attachment.ts';
import { bodyText } from './body-text.ts';
import { type JsonFields, surveyFields } from './fields.ts';
import { layoutOf } from './layout.ts';

/** A message that Graph's JSON form can express: all that is needed to write it, except the contents of attachments. */
export interface FaithfulForm {
  readonly jsonForm: 'faithful';
  readonly header: HeaderBlock;
  readonly fields: JsonFields;
  readonly body: { readonly contentType: 'text' | 'html'; readonly content: string };
  readonly attachments: readonly JsonAttachment[];
  /** Names of header fields that are left out. */
  readonly dropped: readonly string[];
}

/** A message that the JSON form would change for people or programs. */
export interface LossyForm {
  readonly jsonForm: 'lossy';
  /** The first reason, to follow "because": `it is signed`. */
  readonly reason: string;
}

/** Whether a message survives the JSON form. */
export type MessageSurvey = FaithfulForm | LossyForm;

/** Limit of a body as JSON. A request may have 4 MB, which the body shares with the recipients. */
const maxBodyBytes = 3 * 1024 * 1024;
/** Exchange's limit. */
const maxAttachments = 250;

/**
 * Reads a message once, and its text a second time.
 *
 * Preserved: every octet of every attachment, its name, type and Content-ID; the text, with format=flowed text in
 * paragraphs; subject, addresses, Message-ID, In-Reply-To, References, importance, sensitivity, and fields with other
 * names up to a number. Made anew by Exchange: the plain text beside an HTML text, boundaries and transfer encodings,
 * Date and MIME-Version. Left out: trace fields, charset and other parameters of attached texts, and what `dropped`
 * names.
 *
 * @param open the message from its first octet, at each call
 * @param size its exact size
 * @throws MessageChangedError if it has another size; what its stream throws
 */
export async function surveyMessage(open: () => Readable, size: number): Promise<MessageSurvey> {
  let root: MimePart;
  try {
    root = await readMimeStructure(open, size);
  } catch (error) {
    if (error instanceof MimeTooComplexError) return lossy('it has too many parts');
    if (error instanceof HeaderTooLargeError) return lossy('its headers are too large');
    throw error;
  }
  const layout = layoutOf(root);
  const { fields, dropped, obstacles } = surveyFields(root.header);
  const obstacle = layout.obstacles[0] ?? obstacles[0];
  if (obstacle !== undefined) return lossy(obstacle);
  if (layout.attachments.length > maxAttachments) return lossy(`it has more than ${maxAttachments} attachments`);
  const body = await readBody(open, layout.body);
  if (body === undefined) return lossy('its text is too long for one request');
  const shown = shownContentIds(body.contentType === 'html' ? body.content : '');
  const attachments = layout.attachments.map((part, index) => attachmentOf(part, index + 1, shown));
  return { jsonForm: 'faithful', header: root.header, fields, body, attachments, dropped };
}

function lossy(reason: string): LossyForm {
  return { jsonForm: 'lossy', reason };
}

async function readBody(open: () => Readable, part: MimePart | undefined): Promise<FaithfulForm['body'] | undefined> {
  if (part === undefined) return { contentType: 'text', content: '' };
  if (part.decodedOctets > maxBodyBytes) return undefined;
  const content = bodyText(part, await readPart(open, part));
  if (Buffer.byteLength(JSON.stringify(content)) > maxBodyBytes) return undefined;
  return { contentType: part.type === 'text/html' ? 'html' : 'text', content };
}
