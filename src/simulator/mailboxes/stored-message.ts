import { headerFields } from '../delivery/message-headers.ts';

/** A property of a message that has no place in MIME. Learn, "singleValueLegacyExtendedProperty resource type". */
export interface StoredProperty {
  /** `String {guid} Name x`, `String 0x1035` … */
  readonly id: string;
  readonly value: string;
}

/** What Graph knows of a message in addition to its MIME. */
export interface ItemFacts {
  /** Kept when the message moves to another folder; default: generated. */
  readonly immutableId?: string;
  readonly properties?: readonly StoredProperty[];
  /** Categories that cannot be IMAP keywords; those that can are flags. */
  readonly categories?: readonly string[];
  /** Not a draft, in whichever folder. */
  readonly isFinal?: boolean;
}

/** A message's octets, or a function that makes them on demand. */
export type MessageOctets = Buffer | (() => Buffer);

/** What the deliverer of a message knows of its octets, so that they need not be made for it. */
export interface OctetFacts {
  /** Their number. */
  readonly size?: number;
  /** The header, to the end of the last field. */
  readonly header?: MessageOctets;
}

/** A message's octets, and what is known about them: the same object wherever the message is. */
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

  /** The header, to the end of the last field. Read from the octets once. */
  get header(): Buffer {
    if (typeof this.#header === 'function') return this.#header();
    this.#header ??= headerOf(this.octets, Buffer.isBuffer(this.source));
    return this.#header;
  }

  /** The Message-ID field; empty without one. */
  get messageId(): string {
    this.#messageId ??= headerFields(this.header).find(({ name }) => name === 'message-id')?.value ?? '';
    return this.#messageId;
  }
}

function headerOf(octets: Buffer, isKept: boolean): Buffer {
  const header = octets.subarray(0, headerFields(octets).at(-1)?.end ?? 0);
  // A view would keep in memory octets that are meant to be dropped.
  return isKept ? header : Buffer.from(header);
}

/** A message in a simulated mailbox. Every change makes a new object. */
export interface StoredMessage extends ItemFacts {
  readonly uid: number;
  readonly immutableId: string;
  readonly content: Buffer;
  readonly kept: KeptOctets;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  /** Its last change, numbered among all changes of the mailbox. */
  readonly changedIn: number;
  /** When it was added to its folder, numbered likewise. */
  readonly enteredIn: number;
  /** The folder's mod-sequence at its last change. */
  readonly modseq: number;
}

/** The changeable properties of a message. */
export type MessageChange = Partial<Pick<StoredMessage, 'flags' | 'properties' | 'categories' | 'isFinal' | 'kept'>>;

/** A message as stored in folders. */
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
