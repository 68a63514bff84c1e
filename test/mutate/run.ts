import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ImportGraph } from './import-graph.ts';
import { mutantsOf, sample } from './mutants.ts';
import { type RoomResult, resultOf, survivorText, tableOf } from './report.ts';
import { Tree } from './tree.ts';
import { type Durations, Judges, type Trial, tryAll } from './trials.ts';

const usage = `Usage: npm run mutate -- [ROOM...] [--mutants N] [--seed N] [--processes N] [--tests N] [--file PART] [--minutes N] [--out FILE] [--durations FILE]

Makes one thing at a time wrong in copies of the sources, and looks whether a test notices. Prints what none noticed.

  ROOM           folders of src/ (default ${'queue smtp exchange sasl tokens message'})
  --mutants N    how many to try in each room, chosen by chance (default 100)
  --seed N       another choice (default 1)
  --processes N  how many to try at once (default 2)
  --tests N      test files that judge a mutant at most, the nearest by imports (default 6)
  --file PART    only files whose path holds this
  --minutes N    begins no more of a room after that time: the score is that of those tried until then
  --out FILE     every trial as JSON
  --durations FILE
                 how long each test takes: read where it exists, and written, so that the next run need not measure
`;

const project = resolve(import.meta.dirname, '../..');
const rooms = ['queue', 'smtp', 'exchange', 'sasl', 'tokens', 'message'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mutants: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    tests: { type: 'string', default: '6' },
    file: { type: 'string', default: '' },
    minutes: { type: 'string', default: '600' },
    out: { type: 'string' },
    durations: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function run(): Promise<void> {
  const judges = new Judges(new ImportGraph(project), whole('tests', values.tests), knownDurations());
  const trees = Array.from({ length: whole('processes', values.processes) }, () => new Tree(project));
  const endEarly = () => {
    for (const tree of trees) tree.remove();
    process.exit(1);
  };
  process.once('SIGINT', endEarly).once('SIGTERM', endEarly);
  try {
    const all: Trial[] = [];
    const results: RoomResult[] = [];
    for (const room of positionals.length > 0 ? positionals : rooms) {
      const { result, trials } = await tryRoom(room, judges, trees);
      results.push(result);
      all.push(...trials);
      await keepDurations(judges);
    }
    console.log(tableOf(results));
    if (values.out !== undefined)
      writeFileSync(values.out, JSON.stringify({ results, trials: all.map(brief) }, null, 1));
  } finally {
    for (const tree of trees) tree.remove();
  }
}

async function tryRoom(room: string, judges: Judges, trees: readonly Tree[]) {
  const possible = mutantsOf(project, room).filter(({ file }) => file.includes(values.file));
  if (possible.length === 0) throw new Error(`there is nothing to change in src/${room}`);
  const chosen = sample(possible, whole('mutants', values.mutants), whole('seed', values.seed));
  const endsAtMs = performance.now() + 60_000 * whole('minutes', values.minutes);
  const isTimeLeft = () => performance.now() < endsAtMs;
  const trials = await tryAll(chosen, judges, trees, isTimeLeft, (trial, done) => {
    if (trial.fate === 'survived') console.log(`${survivorText(trial)}\n`);
    if (done % 10 === 0) console.error(`${room}: ${done} of ${chosen.length}`);
    if (done % 10 === 0) void keepDurations(judges);
  });
  return { result: resultOf(room, possible.length, trials), trials };
}

function knownDurations(): Durations {
  if (values.durations === undefined || !existsSync(values.durations)) return {};
  return JSON.parse(readFileSync(values.durations, 'utf8')) as Durations;
}

async function keepDurations(judges: Judges): Promise<void> {
  if (values.durations === undefined) return;
  writeFileSync(values.durations, JSON.stringify(await judges.durations(), null, 1));
}

function brief({ mutant: { source: _, ...mutant }, fate }: Trial) {
  return { ...mutant, fate };
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} is no whole number: ${text}`);
  return number;
}

if (values.help) console.log(usage);
else await run();
