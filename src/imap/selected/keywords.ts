import type { Flag } from '../../mailbox/mail-store.ts';

/** The flags that every folder can keep. */
export const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'] as const;

const systemNames: ReadonlySet<string> = new Set([...systemFlags, '\\Recent'].map((flag) => flag.toLowerCase()));

/** More keywords than that in one folder are used without being listed. */
const maxListed = 1_000;

/** The flags a client has been told that the folder knows: of a keyword it must hear before it sees it (RFC 9051 section 7.3.5). */
export class ToldKeywords {
  readonly #spellings = new Map<string, Flag>();

  /** Adds keywords. @returns whether one of them was new */
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
