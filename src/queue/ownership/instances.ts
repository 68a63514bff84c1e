import { crc32 } from 'node:zlib';

/** How many answers are remembered at most; finding one again costs a microsecond. */
const maxRemembered = 100_000;

/**
 * Which instance should own a key: the one with the highest weight (rendezvous hashing). All instances that see the
 * same set agree, and when one comes or goes only its own keys move. Instances of different versions rely on the same
 * weight: it must never change.
 *
 * @param instances sorted, each once
 * @returns undefined if there are none
 */
export function preferredInstance(key: string, instances: readonly string[]): string | undefined {
  let best: string | undefined;
  let most = -1;
  for (const name of instances) {
    const weight = mixed(crc32(key, crc32(name)));
    if (weight <= most) continue;
    best = name;
    most = weight;
  }
  return best;
}

/** The finalizer of MurmurHash3: a checksum alone would barely distinguish names that differ in one letter. */
function mixed(checksum: number): number {
  let mix = checksum;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}

/** The live instances, as far as this one knows. */
export class Instances {
  #names: readonly string[] = [];
  readonly #preferred = new Map<string, string | undefined>();

  /** Sorted. */
  get names(): readonly string[] {
    return this.#names;
  }

  preferredFor(key: string): string | undefined {
    if (this.#preferred.has(key)) return this.#preferred.get(key);
    if (this.#preferred.size >= maxRemembered) this.#preferred.clear();
    const preferred = preferredInstance(key, this.#names);
    this.#preferred.set(key, preferred);
    return preferred;
  }

  /** @returns undefined if nothing has changed */
  become(names: readonly string[]): InstancesChange | undefined {
    const before = this.#names;
    const joined = names.filter((name) => !before.includes(name));
    const gone = before.filter((name) => !names.includes(name));
    if (joined.length === 0 && gone.length === 0) return undefined;
    this.#names = names.toSorted();
    this.#preferred.clear();
    return { before, joined, gone };
  }
}

export interface InstancesChange {
  readonly before: readonly string[];
  readonly joined: readonly string[];
  readonly gone: readonly string[];
}
