/**
 * The couriers, by their names in an account's `send`. They are listed only here; the differences between couriers are
 * in their descriptors (`src/couriers/registry.ts`).
 */
export const courierKinds = ['graph', 'smtp'] as const;

/** The courier of a message. */
export type CourierKind = (typeof courierKinds)[number];

/** Couriers in order of preference, each once; at least one. */
export type CourierOrder = readonly [CourierKind, ...CourierKind[]];

/** Parses an account's `send`: one courier, `auto`, or several; undefined if it contains no courier. */
export function courierOrderOf(send: unknown): CourierOrder | undefined {
  if (send === 'auto') return courierKinds;
  const named = Array.isArray(send) ? send : [send];
  const [first, ...rest] = new Set(named.flatMap((name) => courierKindOf(name) ?? []));
  return first && [first, ...rest];
}

/** Creates a table with an entry for each courier. */
export function byCourier<Entry>(entryOf: (kind: CourierKind) => Entry): Readonly<Record<CourierKind, Entry>> {
  return Object.fromEntries(courierKinds.map((kind) => [kind, entryOf(kind)])) as Record<CourierKind, Entry>;
}

/** Returns the courier with that name, if any. */
export function courierKindOf(name: unknown): CourierKind | undefined {
  return courierKinds.find((kind) => kind === name);
}
