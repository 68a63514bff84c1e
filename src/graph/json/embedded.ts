import type { Readable } from 'node:stream';
import { readParts } from '../../message/mime/reader.ts';
import { base64Length } from '../client/base64-stream.ts';
import { type JsonAttachment, jsonAttachment } from './attachment.ts';

const defaultMaxRequestBytes = 3_500_000;
/** Octets of JSON around an attachment's name and content. */
const attachmentOverhead = 400;

/** As many attachments as fit into the request that creates the message, starting with the first. */
export function embeddable(
  attachments: readonly JsonAttachment[],
  message: Record<string, unknown>,
  maxRequestBytes = defaultMaxRequestBytes,
): JsonAttachment[] {
  let room = maxRequestBytes - Buffer.byteLength(JSON.stringify(message)) - attachmentOverhead;
  return attachments.filter((attachment) => {
    const need =
      base64Length(attachment.octets) + attachmentOverhead + Buffer.byteLength(JSON.stringify(attachment.name));
    if (need > room) return false;
    room -= need;
    return true;
  });
}

/** Attachments with their contents, in order. */
export async function embeddedContents(
  open: () => Readable,
  attachments: readonly JsonAttachment[],
): Promise<readonly Record<string, unknown>[]> {
  const pieces = new Map(attachments.map(({ part }) => [part, [] as Buffer[]]));
  for await (const { part, octets } of readParts(open, [...pieces.keys()])) pieces.get(part)?.push(octets);
  return attachments.map((attachment) => ({
    ...jsonAttachment(attachment),
    contentBytes: Buffer.concat(pieces.get(attachment.part) ?? []).toString('base64'),
  }));
}
