import type { Flag } from '../../mailbox/mail-store.ts';

/** The flags that every folder can store. */
export const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'] as const;

const systemNames: ReadonlySet<string> = new Set([...systemFlags, '\\Recent'].map((flag) => flag.toLowerCase()));

/** Maximum keywords listed per folder; more can be used, but are not listed. */
const maxListed = 1_000;

/**
 * The flags announced to a client: it must learn of a keyword before seeing it on a message (RFC 9051 section 7.3.5).
 */
export class ToldKeywords {
  readonly #spellings = new Map<string, Flag>();

  /** Adds keywords. @returns whether any of them was new */
  learn(flags: readonly Flag[]): boolean {
    let isNew = false;
    for (const flag of flags) {
      const key = flag.toLowerCase();
      if (systemNames.has(key) || this.#spellings.has(key) || this.#spellings.size >= maxListed) continue;
      this.#spellings.set(key, flag);
      isNew = true;
    }
    return isNew;
  }

  /** `\Answered \Flagged … keyword` */
  listed(): string {
    return [...systemFlags, ...this.#spellings.values()].join(' ');
  }
}
