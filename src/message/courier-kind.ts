/**
 * The couriers, by the word that `send` of an account has for each. The one list of them: what is so of one courier and
 * not of another, its descriptor tells (`src/couriers/registry.ts`).
 */
export const courierKinds = ['graph', 'smtp'] as const;

/** Which courier takes a message. */
export type CourierKind = (typeof courierKinds)[number];

/** A table with an entry for each courier. */
export function byCourier<Entry>(entryOf: (kind: CourierKind) => Entry): Readonly<Record<CourierKind, Entry>> {
  return Object.fromEntries(courierKinds.map((kind) => [kind, entryOf(kind)])) as Record<CourierKind, Entry>;
}

/** The courier of that name, if there is one. */
export function courierKindOf(name: unknown): CourierKind | undefined {
  return courierKinds.find((kind) => kind === name);
}
