/**
 * The couriers, by the word that `send` of an account has for each. The one list of them: what is so of one courier and
 * not of another, its descriptor tells (`src/couriers/registry.ts`).
 */
export const courierKinds = ['graph', 'smtp'] as const;

/** Which courier takes a message. */
export type CourierKind = (typeof courierKinds)[number];

/** Couriers in order of preference, each once; one at least. */
export type CourierOrder = readonly [CourierKind, ...CourierKind[]];

/** What `send` of an account says, which is one courier, `auto`, or several; undefined where it says nothing of use. */
export function courierOrderOf(send: unknown): CourierOrder | undefined {
  if (send === 'auto') return courierKinds;
  const named = Array.isArray(send) ? send : [send];
  const [first, ...rest] = new Set(named.flatMap((name) => courierKindOf(name) ?? []));
  return first && [first, ...rest];
}

/** A table with an entry for each courier. */
export function byCourier<Entry>(entryOf: (kind: CourierKind) => Entry): Readonly<Record<CourierKind, Entry>> {
  return Object.fromEntries(courierKinds.map((kind) => [kind, entryOf(kind)])) as Record<CourierKind, Entry>;
}

/** The courier of that name, if there is one. */
export function courierKindOf(name: unknown): CourierKind | undefined {
  return courierKinds.find((kind) => kind === name);
}
