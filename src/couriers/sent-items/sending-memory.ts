import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import { CopyNotes } from './copy-notes.ts';
import { Marker } from './marker.ts';

/** Recognizes copies of sent messages. */
export interface SendingMemory {
  readonly marker: Marker;
  readonly copies: CopyNotes;
}

const markerKey = 'marker';

/** The memory shared by all instances that share the records; its key is created on first use. */
export async function storedMemory(records: RecordTable, clock: Clock): Promise<SendingMemory> {
  const fresh = randomBytes(32).toString('base64');
  const there = await records.add(recordKinds.key, markerKey, fresh, clock.now());
  const marker = new Marker(Buffer.from(there?.value ?? fresh, 'base64'));
  return { marker, copies: new CopyNotes(records, marker, clock) };
}

/** For messages whose copies nobody will look for. */
export function noMemory(clock: Clock): SendingMemory {
  const marker = new Marker(randomBytes(32));
  return { marker, copies: new CopyNotes({ put: async () => 1, list: async () => new Map() }, marker, clock) };
}
