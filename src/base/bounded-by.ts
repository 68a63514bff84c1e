/**
 * Returns options of an `LRUCache` with a maximum number of entries. Its own `max` allocates room for all of them in
 * advance: 20 bytes each, though most caches here stay almost empty.
 */
export function boundedBy(entries: number): { readonly maxSize: number; readonly sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
