import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { baseSubject } from '../sort/base-subject.ts';
import { sentDate } from '../sort/sent-date.ts';

/** What a message's place in a thread depends on. */
export interface ThreadedMessage {
  readonly uid: number;
  /** Milliseconds UTC. */
  readonly sent: number;
  readonly subject: string;
  readonly isReply: boolean;
  readonly id: string | undefined;
  /** Ids of the messages above it, the nearest last. */
  readonly references: readonly string[];
}

/** Of more references the nearest count; and so much of a field is looked at. */
const maxReferences = 100;
const maxText = 64 * 1024;

export function threadedMessage(message: MessageSummary, header: HeaderBlock): ThreadedMessage {
  const { text, isReply } = baseSubject(decodedWords(header.get('Subject') ?? ''));
  const references = idsIn(header.get('References') ?? '');
  return {
    uid: message.uid,
    sent: sentDate(header, message.receivedMs),
    subject: text.toUpperCase().normalize('NFKD'),
    isReply,
    id: idsIn(header.get('Message-ID') ?? '')[0],
    // RFC 5256 section 3: only the first id of In-Reply-To, and only without References.
    references: references.length > 0 ? references : idsIn(header.get('In-Reply-To') ?? '').slice(0, 1),
  };
}

/** Message ids, quotes that need not be there taken away (RFC 5256 section 3). */
function idsIn(text: string): string[] {
  const ids = [...text.slice(-maxText).matchAll(/<([^<>]{1,998})>/g)].slice(-maxReferences);
  return ids.map(([, id = '']) =>
    id.replace(/\s+/g, '').replace(/^"((?:[^"\\]|\\.)*)"@/, (_, local) => `${plain(local)}@`),
  );
}

function plain(quoted: string): string {
  return quoted.replace(/\\(.)/g, '$1');
}
