import type { Clock } from '../../base/clock.ts';
import { readPrivateFile, writePrivateFile } from '../../base/files/private-file.ts';
import { inBackground } from '../../base/in-background.ts';
import type { Log } from '../../base/log.ts';
import { History } from './history.ts';

/** What a history needs from its bridge. */
export interface HistoryParts {
  /** Where it is kept across restarts. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Queued messages now. */
  queued(): Promise<number>;
}

const sampleEveryMs = 10_000;
/** Rarely: what a crash loses is not worth more writes. */
const writeEveryMs = 10 * 60_000;

/** A week takes some hundreds of kilobytes. */
const maxFileBytes = 4 * 1024 * 1024;

/** A history that continues across restarts. */
export interface RecordedHistory {
  readonly history: History;
  /** Begins to sample; before, only events are counted. */
  start(): void;
  /** Ends it, and saves what there is. Never rejects. */
  close(): Promise<void>;
}

/** Restores what an earlier run has left; an unreadable file is no reason to fail. */
export async function recordedHistory({ file, clock, log, queued }: HistoryParts): Promise<RecordedHistory> {
  const history = new History(() => clock.now());
  try {
    const kept = await readPrivateFile(file, maxFileBytes);
    if (kept) history.restore(JSON.parse(kept.content.toString()));
  } catch (error) {
    log.warn({ error, file }, 'cannot read the history of the last run, starting a new one');
  }
  let cancelSample = () => {};
  let cancelWrite = () => {};
  const write = async () => await writePrivateFile(file, Buffer.from(JSON.stringify(history.kept())));
  const sample = () => {
    cancelSample = clock.after(sampleEveryMs, sample);
    // Even if the queue cannot be queried, it is known that the bridge runs.
    void queued().then(
      (count) => history.sample(count),
      () => history.sample(undefined),
    );
  };
  const writeLater = () => {
    cancelWrite = clock.after(writeEveryMs, () => {
      inBackground(write, log, 'cannot write the history');
      writeLater();
    });
  };
  return {
    history,
    start() {
      sample();
      writeLater();
    },
    async close() {
      cancelSample();
      cancelWrite();
      await write().catch((error: unknown) => log.warn({ error, file }, 'cannot write the history'));
    },
  };
}
