import type { Clock } from '../../base/clock.ts';
import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { messageIdOf } from '../../message/header/message-id.ts';
import type { LoginOf } from '../login-of.ts';
import { RefusalMemory } from '../refusal-memory.ts';
import { markerField } from './marker.ts';

/** What a message is looked for by in one mailbox. */
export interface CopyQuery {
  readonly mailbox: string;
  /** With its angle brackets. */
  readonly messageId: string;
}

/** What a message is looked for by. */
export interface SentQuery extends CopyQuery {
  /** All that may have sent it. */
  readonly couriers: readonly CourierKind[];
}

/** A message whose copies nobody wants to keep. */
export interface UnwantedCopy {
  /** With its angle brackets. */
  readonly messageId: string;
  /** Whether a copy with this Message-ID is one of the message, by the value of its marker. */
  isOwn(marker: string): boolean;
  /** Asked when the copies are found, right before they go. */
  mayGo(): boolean | Promise<boolean>;
}

/** What is to be removed from a mailbox. */
export interface Removal {
  readonly mailbox: string;
  readonly copies: readonly UnwantedCopy[];
  /** Told of each message that is done with, and how many copies of it were removed; not of those that may not go. */
  onDone(copy: UnwantedCopy, removed: number): void;
}

/** A place where a mailbox's own copies of what it sent can be looked for, and removed. */
export interface SentItems {
  /**
   * @returns the markers of all copies with this Message-ID; undefined where the mailbox may not be looked into
   * @throws where looking failed for another reason, which may pass
   */
  find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /**
   * Removes copies for good, as far as they are there; whatever else is there stays.
   * @returns false where the mailbox may not be changed
   * @throws where it failed for another reason, which may pass; what {@link Removal.onDone} was told of is done
   */
  remove(removal: Removal, signal: AbortSignal): Promise<boolean>;
}

/** Whether a copy in Sent Items is one of an unwanted message: whatever else has its Message-ID is somebody else's. */
export function isUnwanted(header: Pick<HeaderBlock, 'get' | 'getAll'>, { messageId, isOwn }: UnwantedCopy): boolean {
  // Ours was put on top: one further down came with the message, from another bridge.
  const marker = header.getAll(markerField)[0];
  return marker !== undefined && messageIdOf(header) === messageId && isOwn(marker);
}

/** Permissions change seldom, and looking is seldom. */
const refusedForMs = 60 * 60_000;

/**
 * Several places to look at; the first that is permitted and answers serves, and which ones are permitted is learned for
 * each mailbox. One that fails does not hide the next: they are of different services, and one of these may be down.
 */
export class PermittedSentItems implements SentItems {
  readonly #places: readonly {
    readonly items: SentItems;
    readonly refused: RefusalMemory;
    /** Looking may be permitted where removing is not. */
    readonly refusedRemoval: RefusalMemory;
  }[];

  constructor(places: readonly SentItems[], clock: Clock) {
    const memory = () => new RefusalMemory(clock);
    this.#places = places.map((items) => ({ items, refused: memory(), refusedRemoval: memory() }));
  }

  async find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const failures: unknown[] = [];
    for (const { items, refused } of this.#places) {
      if (refused.isRefused(query.mailbox)) continue;
      try {
        const found = await items.find(query, signal);
        if (found !== undefined) return found;
        refused.remember(query.mailbox, refusedForMs);
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error);
      }
    }
    // Whether a copy is there, the place that failed may know.
    if (failures.length > 0) throw failures[0];
    return undefined;
  }

  async remove(removal: Removal, signal: AbortSignal): Promise<boolean> {
    const { mailbox } = removal;
    const done = new Set<UnwantedCopy>();
    const onDone: Removal['onDone'] = (copy, removed) => {
      done.add(copy);
      removal.onDone(copy, removed);
    };
    const failures: unknown[] = [];
    for (const { items, refusedRemoval } of this.#places) {
      if (refusedRemoval.isRefused(mailbox)) continue;
      const copies = removal.copies.filter((copy) => !done.has(copy));
      try {
        if (await items.remove({ mailbox, copies, onDone }, signal)) return true;
        refusedRemoval.remember(mailbox, refusedForMs);
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return false;
  }
}

/** Whose Sent Items a copy may be in, where a person signed in for a mailbox. */
export type CopyPlace = 'mailbox' | 'login';

/** The copies that were found, wherever they are. */
export interface FoundCopies {
  /** The markers of all of them. Each is proof of what it is for, whatever became of the other places. */
  readonly markers: readonly string[];
  /** Why there may be others: places that may not be looked into, or that failed. Absent: there are no others. */
  readonly unseen?: { readonly notPermitted: true } | { readonly failure: unknown };
}

/**
 * Sent Items of all that a copy may be with: the mailbox, or who logs in for it where a person signed in, as the courier
 * has it. After a change of courier there may be copies with both, each for other recipients.
 */
export class AllSentItems {
  readonly #items: SentItems;
  readonly #loginOf: LoginOf;
  readonly #placesOf: (courier: CourierKind) => readonly CopyPlace[];

  constructor(items: SentItems, loginOf: LoginOf, placesOf: (courier: CourierKind) => readonly CopyPlace[]) {
    this.#items = items;
    this.#loginOf = loginOf;
    this.#placesOf = placesOf;
  }

  /** @throws where it is unknown who logs in */
  async find(query: SentQuery, signal: AbortSignal): Promise<FoundCopies> {
    const markers: string[] = [];
    let unseen: FoundCopies['unseen'];
    for (const mailbox of await this.#mailboxes(query)) {
      try {
        const found = await this.#items.find({ ...query, mailbox }, signal);
        if (found) markers.push(...found);
        else unseen ??= { notPermitted: true };
      } catch (failure) {
        if (signal.aborted) throw failure;
        // It may pass, and then more is known: until then nobody sends again.
        unseen = { failure };
      }
    }
    return { markers, ...(unseen && { unseen }) };
  }

  /** From all of these that may be changed. @returns, @throws as {@link SentItems.remove} */
  async remove({ mailbox, copies, onDone }: Removal, signal: AbortSignal): Promise<boolean> {
    const removed = new Map<UnwantedCopy, number>();
    const count: Removal['onDone'] = (copy, more) => removed.set(copy, (removed.get(copy) ?? 0) + more);
    const failures: unknown[] = [];
    let isOneOpen = false;
    for (const place of await this.#mailboxes({ mailbox, couriers: courierKinds })) {
      try {
        isOneOpen = (await this.#items.remove({ mailbox: place, copies, onDone: count }, signal)) || isOneOpen;
      } catch (error) {
        failures.push(error);
        if (signal.aborted) break;
      }
    }
    // Of a message without a copy here, the one that is meant may be where it failed.
    for (const [copy, times] of removed) if (failures.length === 0 || times > 0) onDone(copy, times);
    if (failures.length > 0) throw failures[0];
    return isOneOpen;
  }

  /** Each once. */
  async #mailboxes({ mailbox, couriers }: Pick<SentQuery, 'mailbox' | 'couriers'>): Promise<Iterable<string>> {
    const login = await this.#loginOf(mailbox);
    const named = couriers.flatMap(this.#placesOf).map((place) => (place === 'login' ? login : mailbox));
    return new Map(named.map((name) => [name.toLowerCase(), name])).values();
  }
}
