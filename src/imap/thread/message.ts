import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { baseSubject } from '../sort/base-subject.ts';
import { sentDate } from '../sort/sent-date.ts';
import type { Numbering } from './numbering.ts';

/** What determines a message's place in a thread. Texts that are only compared are numbers of a {@link Numbering}. */
export interface ThreadedMessage {
  readonly uid: number;
  /** Milliseconds UTC. */
  readonly sent: number;
  /** Its base subject; 0 if that is empty. */
  readonly subject: number;
  readonly isReply: boolean;
  readonly id: number | undefined;
  /** IDs of the messages above it, nearest last. */
  readonly references: readonly number[];
}

/** The numberings of one command. */
export interface ThreadNumberings {
  readonly subjects: Numbering;
  readonly ids: Numbering;
}

/** Limits on the references kept, of which the nearest count, and on the text examined per field. */
const maxReferences = 100;
const maxText = 64 * 1024;

export function threadedMessage(
  message: MessageSummary,
  header: HeaderBlock,
  { subjects, ids }: ThreadNumberings,
): ThreadedMessage {
  const { text, isReply } = baseSubject(decodedWords(header.get('Subject') ?? ''));
  const references = idsIn(header.get('References') ?? '');
  const [id] = idsIn(header.get('Message-ID') ?? '');
  // RFC 5256 section 3: only the first ID of In-Reply-To, and only without References.
  const above = references.length > 0 ? references : idsIn(header.get('In-Reply-To') ?? '').slice(0, 1);
  return {
    uid: message.uid,
    sent: sentDate(header, message.receivedMs),
    subject: subjects.of(text.toUpperCase().normalize('NFKD')),
    isReply,
    id: id === undefined ? undefined : ids.of(id),
    references: above.map((each) => ids.of(each)),
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
