import { type RecordTable, recordKinds } from '../../../../base/record-table.ts';

/** A use sooner than this after the last one recorded by any instance adds nothing. */
export const noteUsesEveryMs = 5 * 60_000;

/**
 * Records uses, in milliseconds since 1970, by the IDs of the app passwords. The later use is kept, whichever instance
 * has seen it.
 * @throws what the records throw
 */
export async function writeUses(records: RecordTable, uses: ReadonlyMap<string, number>, nowMs: number): Promise<void> {
  for (const [id, ms] of uses) {
    const found = await records.get(recordKinds.appPasswordUse, id, nowMs);
    if (found && Date.parse(found.value) > ms - noteUsesEveryMs) continue;
    await records.put(recordKinds.appPasswordUse, id, new Date(ms).toISOString(), {
      ifVersion: found?.version ?? 0,
      soft: true,
    });
  }
}
