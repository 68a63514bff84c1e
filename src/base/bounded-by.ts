/**
 * Options of an `LRUCache` that keeps so many entries. Its own `max` makes room for all of them beforehand: 20 octets for
 * each, though most caches here stay all but empty.
 */
export function boundedBy(entries: number): { readonly maxSize: number; readonly sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
