import type { Clock } from '../../base/clock.ts';
import { readPrivateFile, writePrivateFile } from '../../base/files/private-file.ts';
import { inBackground } from '../../base/in-background.ts';
import type { Log } from '../../base/log.ts';
import { History } from './history.ts';

/** What a history needs of its bridge. */
export interface HistoryParts {
  /** Where it is kept over restarts. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Queued messages now. */
  queued(): Promise<number>;
}

const sampleEveryMs = 10_000;
/** Seldom: what a crash takes is not worth more writes. */
const writeEveryMs = 10 * 60_000;

/** A week of it has some hundreds of kilobytes. */
const maxFileBytes = 4 * 1024 * 1024;

/** A history that goes on over restarts. */
export interface RecordedHistory {
  readonly history: History;
  /** Begins to sample; before, events alone are counted. */
  start(): void;
  /** Ends it, and keeps what there is. Never rejects. */
  close(): Promise<void>;
}

/** Takes up what an earlier run has left; a file that cannot be read is no reason to fail. */
export async function recordedHistory({ file, clock, log, queued }: HistoryParts): Promise<RecordedHistory> {
  const history = new History(() => clock.now());
  try {
    const kept = await readPrivateFile(file, maxFileBytes);
    if (kept) history.restore(JSON.parse(kept.content.toString()));
  } catch (error) {
    log.warn({ error, file }, 'the history of an earlier run cannot be read: it begins anew');
  }
  let cancelSample = () => {};
  let cancelWrite = () => {};
  const write = async () => await writePrivateFile(file, Buffer.from(JSON.stringify(history.kept())));
  const sample = () => {
    cancelSample = clock.after(sampleEveryMs, sample);
    // While the queue cannot be asked, that the bridge runs is known all the same.
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
