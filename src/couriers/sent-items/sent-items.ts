import type { Clock } from '../../base/clock.ts';
import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { messageIdOf } from '../../message/header/message-id.ts';
import type { LoginOf } from '../login-of.ts';
import { RefusalMemory } from '../refusal-memory.ts';
import { markerField } from './marker.ts';

/** Identifies a message to look for in one mailbox. */
export interface CopyQuery {
  readonly mailbox: string;
  /** With its angle brackets. */
  readonly messageId: string;
}

/** Identifies a message to look for. */
export interface SentQuery extends CopyQuery {
  /** All couriers that may have sent it. */
  readonly couriers: readonly CourierKind[];
}

/** A message whose copies are not to be kept. */
export interface UnwantedCopy {
  /** With its angle brackets. */
  readonly messageId: string;
  /** Whether a copy with this Message-ID belongs to the message, by its marker. */
  isOwn(marker: string): boolean;
  /** Called when the copies are found, right before they are removed. */
  mayGo(): boolean | Promise<boolean>;
}

/** What to remove from a mailbox. */
export interface Removal {
  readonly mailbox: string;
  readonly copies: readonly UnwantedCopy[];
  /**
   * Called for each finished message with how many copies of it were removed; not for those that may not be removed.
   */
  onDone(copy: UnwantedCopy, removed: number): void;
}

/** A place where a mailbox's copies of what it sent can be found and removed. */
export interface SentItems {
  /**
   * @returns the markers of all copies with this Message-ID; undefined if the mailbox may not be searched
   * @throws if the search failed for another reason, which may pass
   */
  find(query: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /**
   * Removes existing copies permanently; everything else stays.
   * @returns false if the mailbox may not be changed
   * @throws if it failed for another reason, which may pass; what {@link Removal.onDone} was called for is done
   */
  remove(removal: Removal, signal: AbortSignal): Promise<boolean>;
}

/**
 * Whether a copy in Sent Items belongs to an unwanted message: anything else with its Message-ID is somebody else's.
 */
export function isUnwanted(header: Pick<HeaderBlock, 'get' | 'getAll'>, { messageId, isOwn }: UnwantedCopy): boolean {
  // Ours was put on top: one further down came with the message, from another bridge.
  const marker = header.getAll(markerField)[0];
  return marker !== undefined && messageIdOf(header) === messageId && isOwn(marker);
}

/** Permissions rarely change, and looking is rare. */
const refusedForMs = 60 * 60_000;

/**
 * Several places to look at. The first that is permitted and answers is used, and the permitted ones are remembered for
 * each mailbox. A failing place does not hide the next: they belong to different services, and one of these may be
 * down.
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
    // The place that failed may know whether there is a copy.
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

/** Whose Sent Items may contain a copy if a person signed in for a mailbox. */
export type CopyPlace = 'mailbox' | 'login';

/** The copies found, in all places. */
export interface FoundCopies {
  /** The markers of all copies. Each proves what it is for, whatever happened at the other places. */
  readonly markers: readonly string[];
  /** Why there may be others: places that may not be searched, or that failed. Absent: there are no others. */
  readonly unseen?: { readonly notPermitted: true } | { readonly failure: unknown };
}

/**
 * Sent Items of everybody who may have a copy: the mailbox, or the login for it if a person signed in, depending on the
 * courier. After a change of courier both may have copies, each for other recipients.
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

  /** @throws if the login is unknown */
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
        // It may pass, and then more is known: until then nothing is sent again.
        unseen = { failure };
      }
    }
    return { markers, ...(unseen && { unseen }) };
  }

  /** Removes from all of these that may be changed. @returns, @throws as {@link SentItems.remove} */
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
    // If no copy of a message was found here, it may be in the place that failed.
    for (const [copy, times] of removed) if (failures.length === 0 || times > 0) onDone(copy, times);
    if (failures.length > 0) throw failures[0];
    return isOneOpen;
  }

  /** Each mailbox once. */
  async #mailboxes({ mailbox, couriers }: Pick<SentQuery, 'mailbox' | 'couriers'>): Promise<Iterable<string>> {
    const login = await this.#loginOf(mailbox);
    const named = couriers.flatMap(this.#placesOf).map((place) => (place === 'login' ? login : mailbox));
    return new Map(named.map((name) => [name.toLowerCase(), name])).values();
  }
}
