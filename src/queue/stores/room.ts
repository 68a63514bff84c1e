import { BridgeError } from '../../base/errors.ts';
import { freeOctets } from './disk-full.ts';
import type { Reserve } from './reserve.ts';

/** Limits of a queue. */
export interface RoomLimits {
  /** Total of all messages whose body is kept; unlimited if left out. */
  readonly maxOctets?: number;
  readonly maxMessages?: number;
  /** What has to stay free on the disk. */
  readonly minFreeOctets: number;
}

/** What a queue holds: messages whose body is kept, and their octets. */
export interface Usage {
  readonly messages: number;
  readonly octets: number;
}

/** The disk is checked again after this many octets; each message counts for more than its size. */
const looksEveryOctets = 1024 * 1024;
const messageOverheadOctets = 16 * 1024;
const wideOctets = 1024 * 1024 * 1024;
const wideMessages = 10_000;

/**
 * Decides whether one more message may come in. While there is no room it checks each time, so it recovers
 * automatically.
 */
export class Room {
  readonly #folder: string;
  readonly #limits: RoomLimits;
  readonly #reserve: Reserve;
  readonly #usage: () => Usage;
  #octetsUntilLook = 0;
  #freeOctets = 0;

  constructor(folder: string, limits: RoomLimits, reserve: Reserve, usage: () => Usage) {
    this.#folder = folder;
    this.#limits = limits;
    this.#reserve = reserve;
    this.#usage = usage;
  }

  /** @throws BridgeError `queue-full` */
  assert(octets: number): void {
    this.assertDisk(octets);
    const { maxOctets, maxMessages } = this.#limits;
    if (maxOctets === undefined && maxMessages === undefined) return;
    const held = this.#usage();
    if (maxMessages !== undefined && held.messages >= maxMessages) {
      throw new BridgeError('queue-full', `The queue holds ${held.messages} messages (queue.maxMessages).`);
    }
    if (maxOctets !== undefined && held.octets + octets > maxOctets) {
      throw new BridgeError('queue-full', `The queue holds ${megabytes(held.octets)} MB (queue.maxMegabytes).`);
    }
  }

  /** Checks only the disk, for a message on its way in. @throws BridgeError `queue-full` */
  assertDisk(octets: number): void {
    this.#octetsUntilLook -= octets + messageOverheadOctets;
    if (this.#octetsUntilLook > 0) return;
    const free = freeOctets(this.#folder);
    this.#freeOctets = free;
    if (free < this.#limits.minFreeOctets + octets) {
      throw new BridgeError(
        'queue-full',
        `The disk of ${this.#folder} has ${megabytes(free)} MB left (queue.minFreeMegabytes).`,
      );
    }
    // Space released for the outcomes of deliveries has to be reserved again first.
    if (!this.#reserve.take()) throw new BridgeError('queue-full', `The disk of ${this.#folder} is full.`);
    this.#octetsUntilLook = looksEveryOctets;
  }

  /** Whether there is so much more room than any message takes that the next one need not ask. */
  isWide(): boolean {
    const {
      maxOctets = Number.POSITIVE_INFINITY,
      maxMessages = Number.POSITIVE_INFINITY,
      minFreeOctets,
    } = this.#limits;
    if (this.#freeOctets < minFreeOctets + wideOctets) return false;
    if (maxOctets === Number.POSITIVE_INFINITY && maxMessages === Number.POSITIVE_INFINITY) return true;
    const { messages, octets } = this.#usage();
    return messages + wideMessages <= maxMessages && octets + wideOctets <= maxOctets;
  }

  /** The disk has just been found full: it is checked before the next message. */
  lookAgain(): void {
    this.#octetsUntilLook = 0;
  }
}

function megabytes(octets: number): string {
  return (octets / 1024 / 1024).toFixed(1);
}
