import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { debianPostgres } from '../test/support/postgres.ts';
import { exim } from './relay/exim.ts';
import { type Machine, type Measurement, printReport, type Report, summarize } from './relay/figures.ts';
import { installProgram, mailbridge, type QueuePlace } from './relay/mailbridge.ts';
import { measure } from './relay/measure.ts';
import { inOwnNetwork, runInOwnNetwork } from './relay/network.ts';
import { postfix } from './relay/postfix.ts';
import type { RelayKind } from './relay/relay.ts';
import { Sink } from './relay/sink.ts';

const usage = `Usage: node bench/relay.ts [--rounds N] [--messages N] [--only NAME]... [--dir FOLDER]
       [--program FILE] [--node-flags=FLAGS] [--exim FILE] [--keep] [--json]

Accepts and delivers messages of 10 KB over 16 connections with mailbridge, Postfix and Exim, in turns, and compares.
Needs Linux, root, and Debian's packages postfix and iproute2; Exim and PostgreSQL if they are there. docs/benchmarks.md tells more.

  --rounds N      rounds that count, after one that does not (default 3)
  --messages N    messages in each phase, 200 to 4500 (default 3000)
  --only NAME     leaves out the others: "mailbridge smtp", "mailbridge graph",
                  "mailbridge smtp postgres", "mailbridge smtp postgres x2", postfix, exim
  --exim FILE     the program exim4, which need not be installed but unpacked (default /usr/sbin/exim4)
  --dir FOLDER    where the queues go: the disk that is measured (default the system's temporary folder)
  --program FILE  another mailbridge than the bundle of these sources, such as src/main.ts
  --node-flags=F  flags for its Node.js; a launcher bin/mailbridge.js passes none on, a main module takes them
  --keep          leaves queues, configurations and logs behind
  --json          prints every figure as JSON
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string', default: '3000' },
    only: { type: 'string', multiple: true },
    dir: { type: 'string', default: tmpdir() },
    program: { type: 'string' },
    exim: { type: 'string', default: '/usr/sbin/exim4' },
    'node-flags': { type: 'string', default: '' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function run(): Promise<void> {
  const rounds = whole('rounds', values.rounds, 1, 100);
  // More would exceed 10,000 messages a minute, the most that the configuration allows.
  const messages = whole('messages', values.messages, 200, 4500);
  const machine = describeMachine(values.dir);
  if (machine.fileSystem === 'tmpfs') throw new Error(`${values.dir} is in memory; name a folder on a disk with --dir`);
  const folder = mkdtempSync(join(values.dir, 'relay-bench-'));
  // Postfix drops root's privileges and still needs access to its folders.
  chmodSync(folder, 0o711);
  const flags = values['node-flags'].split(' ').filter((flag) => flag !== '');
  const start = { program: values.program ?? installProgram(folder), flags };
  const all: readonly RelayKind[] = [
    mailbridge('smtp', start),
    postfix,
    mailbridge('graph', start),
    ...postgresInstances().map((place) => mailbridge('smtp', start, place)),
    ...(existsSync(values.exim) ? [exim(values.exim)] : []),
  ];
  const kinds = all.filter(({ name }) => values.only?.includes(name) ?? true);
  const sink = await Sink.start();
  const measurements: Measurement[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      // Each takes every position in the order in turn.
      for (const kind of kinds.map((_, place) => kinds[(place + round) % kinds.length] as RelayKind)) {
        const own = join(folder, `${kind.name.replaceAll(' ', '-')}-${round}`);
        mkdirSync(own);
        const measured = await measure(kind, { folder: own, sink, messages });
        if (!values.keep) rmSync(own, { recursive: true });
        if (round > 0) measurements.push({ relay: kind.name, round, ...measured });
        if (!values.json) process.stderr.write(`round ${round}, ${kind.name}: ${summarize(measured)}\n`);
      }
    }
  } finally {
    sink.stop();
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
  const report: Report = {
    machine,
    programs: Object.fromEntries(kinds.map((kind) => [kind.name, kind.version()])),
    messages,
    rounds,
    measurements,
  };
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
}

/** One bridge, and two that share the queue. */
function postgresInstances(): QueuePlace[] {
  return debianPostgres ? [{ database: debianPostgres }, { database: debianPostgres, instances: 2 }] : [];
}

function whole(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw new Error(`--${name} needs a whole number from ${lowest} to ${highest}`);
}

/** Numbers of statfs(2). */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
  801189825: 'zfs',
};

function describeMachine(folder: string): Machine {
  const [cpu] = cpus();
  const { type } = statfsSync(folder);
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    fileSystem: fileSystems[type] ?? String(type),
  };
}

if (values.help) process.stdout.write(usage);
else if (inOwnNetwork()) await run();
else process.exitCode = runInOwnNetwork();
