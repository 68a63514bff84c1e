import { transferDecoder } from '../../message/mime/decoders.ts';
import { ImapReply } from '../reply.ts';
import type { ParsedMessage } from './parsed-message.ts';
import { partAt } from './section.ts';

/**
 * Returns a part with its transfer encoding decoded, or undefined if the message has no such part (RFC 3516 section
 * 4.2).
 * @throws ImapReply if the encoding is unknown
 */
export function decodedPart(message: ParsedMessage, path: readonly number[]): Buffer | undefined {
  if (path.length === 0) return message.octets;
  const part = partAt(message.root, path);
  if (part === undefined) return undefined;
  const body = message.body(part);
  if (part.parts.length > 0 || part.message !== undefined) return body;
  if (part.defects.includes('unknown-encoding')) {
    throw new ImapReply('NO', 'The transfer encoding of a part is unknown.', { code: 'UNKNOWN-CTE' });
  }
  const decoder = transferDecoder(part.encoding);
  const decoded = decoder.push(body);
  const rest = decoder.end();
  return rest.length === 0 ? decoded : Buffer.concat([decoded, rest]);
}
