import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ImportGraph } from './import-graph.ts';
import { mutantsOf, sample } from './mutants.ts';
import { type RoomResult, resultOf, survivorText, tableOf } from './report.ts';
import { Tree } from './tree.ts';
import { Judges, type Trial, tryAll } from './trials.ts';

const usage = `Usage: npm run mutate -- [ROOM...] [--mutants N] [--seed N] [--processes N] [--tests N] [--file PART] [--out FILE]

Makes one thing at a time wrong in copies of the sources, and looks whether a test notices. Prints what none noticed.

  ROOM           folders of src/ (default ${'queue smtp exchange sasl tokens message'})
  --mutants N    how many to try in each room, chosen by chance (default 100)
  --seed N       another choice (default 1)
  --processes N  how many to try at once (default 2)
  --tests N      test files that judge a mutant at most, the nearest by imports (default 6)
  --file PART    only files whose path holds this
  --out FILE     every trial as JSON
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
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function run(): Promise<void> {
  const judges = new Judges(new ImportGraph(project), whole('tests', values.tests));
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
  const trials = await tryAll(chosen, judges, trees, (trial, done) => {
    if (trial.fate === 'survived') console.log(`${survivorText(trial)}\n`);
    if (done % 25 === 0) console.error(`${room}: ${done} of ${chosen.length}`);
  });
  return { result: resultOf(room, possible.length, trials), trials };
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
