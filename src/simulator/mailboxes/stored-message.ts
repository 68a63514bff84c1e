import { headerFields } from '../delivery/message-headers.ts';

/** A property of a message that has no place in MIME. Learn, "singleValueLegacyExtendedProperty resource type". */
export interface StoredProperty {
  /** `String {guid} Name x`, `String 0x1035` … */
  readonly id: string;
  readonly value: string;
}

/** What Graph knows of a message beyond its MIME. */
export interface ItemFacts {
  /** Stays the message's own when it moves to another folder; default: made up. */
  readonly immutableId?: string;
  readonly properties?: readonly StoredProperty[];
  /** Categories that cannot be keywords of IMAP; those that can are flags. */
  readonly categories?: readonly string[];
  /** It is no draft, wherever it stands. */
  readonly isFinal?: boolean;
}

/** A message's octets, or what makes them whenever somebody looks. */
export type MessageOctets = Buffer | (() => Buffer);

/** What whoever delivers a message may know of its octets, so that nobody has to make them for it. */
export interface OctetFacts {
  /** How many they are. */
  readonly size?: number;
  /** Its header, to the end of the last field. */
  readonly header?: MessageOctets;
}

/** A message's octets, and what was found out about them: the same object wherever the message stands. */
export class KeptOctets {
  readonly source: MessageOctets;
  #size: number | undefined;
  #header: MessageOctets | undefined;
  #messageId: string | undefined;

  constructor(source: MessageOctets, facts: OctetFacts = {}) {
    this.source = source;
    this.#size = Buffer.isBuffer(source) ? source.length : facts.size;
    this.#header = facts.header;
  }

  get octets(): Buffer {
    return Buffer.isBuffer(this.source) ? this.source : this.source();
  }

  get size(): number {
    this.#size ??= this.octets.length;
    return this.#size;
  }

  /** The header, to the end of its last field. Read from the octets once. */
  get header(): Buffer {
    if (typeof this.#header === 'function') return this.#header();
    this.#header ??= headerOf(this.octets, Buffer.isBuffer(this.source));
    return this.#header;
  }

  /** The field Message-ID; empty without one. */
  get messageId(): string {
    this.#messageId ??= headerFields(this.header).find(({ name }) => name === 'message-id')?.value ?? '';
    return this.#messageId;
  }
}

function headerOf(octets: Buffer, isKept: boolean): Buffer {
  const header = octets.subarray(0, headerFields(octets).at(-1)?.end ?? 0);
  // A view would keep octets in memory that are made to be forgotten.
  return isKept ? header : Buffer.from(header);
}

/** A message in a simulated mailbox. Every change makes another one. */
export interface StoredMessage extends ItemFacts {
  readonly uid: number;
  readonly immutableId: string;
  readonly content: Buffer;
  readonly kept: KeptOctets;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  /** When it was changed last, among all changes of the mailbox. */
  readonly changedIn: number;
  /** When it came into its folder, likewise. */
  readonly enteredIn: number;
  /** The folder's mod-sequence of its last change. */
  readonly modseq: number;
}

/** What may change of a message. */
export type MessageChange = Partial<Pick<StoredMessage, 'flags' | 'properties' | 'categories' | 'isFinal' | 'kept'>>;

/** A message as folders keep it. */
export class FolderMessage implements StoredMessage {
  readonly uid: number;
  readonly immutableId: string;
  readonly kept: KeptOctets;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly changedIn: number;
  readonly enteredIn: number;
  readonly modseq: number;
  readonly properties?: readonly StoredProperty[];
  readonly categories?: readonly string[];
  readonly isFinal?: boolean;

  constructor(facts: Omit<StoredMessage, 'content'>) {
    this.uid = facts.uid;
    this.immutableId = facts.immutableId;
    this.kept = facts.kept;
    this.flags = facts.flags;
    this.internalDate = facts.internalDate;
    this.createdAt = facts.createdAt;
    this.modifiedAt = facts.modifiedAt;
    this.changedIn = facts.changedIn;
    this.modseq = facts.modseq;
    this.enteredIn = facts.enteredIn;
    if (facts.properties !== undefined) this.properties = facts.properties;
    if (facts.categories !== undefined) this.categories = facts.categories;
    if (facts.isFinal !== undefined) this.isFinal = facts.isFinal;
  }

  get content(): Buffer {
    return this.kept.octets;
  }
}

const systemFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'];

/** Flags in their usual spelling, each once. */
export function canonicalFlags(flags: readonly string[]): readonly string[] {
  const bySpelling = new Map<string, string>();
  for (const flag of flags) {
    const key = flag.toLowerCase();
    const system = systemFlags.find((known) => known.toLowerCase() === key);
    if (!bySpelling.has(key)) bySpelling.set(key, system ?? flag);
  }
  return [...bySpelling.values()];
}
