import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { baseSubject } from '../sort/base-subject.ts';
import { sentDate } from '../sort/sent-date.ts';

/** What determines a message's place in a thread. */
export interface ThreadedMessage {
  readonly uid: number;
  /** Milliseconds UTC. */
  readonly sent: number;
  readonly subject: string;
  readonly isReply: boolean;
  readonly id: string | undefined;
  /** IDs of the messages above it, nearest last. */
  readonly references: readonly string[];
}

/** Limits on the references kept, of which the nearest count, and on the text examined per field. */
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
    // RFC 5256 section 3: only the first ID of In-Reply-To, and only without References.
    references: references.length > 0 ? references : idsIn(header.get('In-Reply-To') ?? '').slice(0, 1),
  };
}

/** Message IDs without unnecessary quotes (RFC 5256 section 3). */
function idsIn(text: string): string[] {
  const ids = [...text.slice(-maxText).matchAll(/<([^<>]{1,998})>/g)].slice(-maxReferences);
  return ids.map(([, id = '']) =>
    id.replace(/\s+/g, '').replace(/^"((?:[^"\\]|\\.)*)"@/, (_, local) => `${plain(local)}@`),
  );
}

function plain(quoted: string): string {
  return quoted.replace(/\\(.)/g, '$1');
}
