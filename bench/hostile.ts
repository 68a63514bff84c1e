import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AttackOrder } from './hostile/attack-process.ts';
import { HonestClients } from './hostile/honest.ts';
import { ownLauncher, startHostileWorld } from './hostile/world.ts';

const usage = `Usage: node bench/hostile.ts [--minutes N] [--each N] [--program FILE]

The bridge with default limits, as a process of its own before the simulator, under hostile clients on every port at
once from four addresses (--each on each port from each, default 100), and an honest client on every protocol each five
seconds. Tells the bridge's memory, the slowest answer an honest client had, and the sockets of hostile clients that are
left two minutes after they ended their side. Exits 1 beyond 250 MB, 2 seconds, or where a socket is left. Needs Linux.

  --program FILE  bin/mailbridge.js of an installed bundle; default: these sources, which take 20 MB more
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    each: { type: 'string', default: '100' },
    program: { type: 'string', default: ownLauncher },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const hostile = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const honestAddress = '127.0.0.200';
const maxBytes = 250 * 1024 * 1024;
const maxAnswerMs = 2_000;
const roundEveryMs = 5_000;
const lingerMs = 120_000;

async function run(): Promise<boolean> {
  const world = await startHostileWorld(values.program);
  const attack = fork(fileURLToPath(new URL('./hostile/attack-process.ts', import.meta.url)));
  const honest = new HonestClients(world, honestAddress);
  let highest = 0;
  try {
    // One-time costs, the first token and the first password, are not caused by hostile clients.
    await honest.round();
    honest.slowest.clear();
    attack.send({ ports: world.ports, addresses: hostile, each: Number(values.each) } satisfies AttackOrder);
    const endsAt = Date.now() + Number(values.minutes) * 60_000;
    while (Date.now() < endsAt) {
      await Promise.all([honest.round(), sleep(roundEveryMs)]);
      const { now } = world.memory();
      highest = Math.max(highest, now, world.memory().highest);
      console.log(
        `${new Date().toISOString()} ${megabytes(now)} MB, ${world.socketsTo(hostile)} hostile sockets, ${honest.served} honest sessions, ${honest.failures.length} failed`,
      );
    }
    attack.send('stop');
    const [connections] = await once(attack, 'message');
    await sleep(lingerMs);
    const left = world.socketsTo(hostile);
    const slowest = [...honest.slowest].sort(([, a], [, b]) => b - a);
    for (const [what, ms] of slowest.slice(0, 8)) console.log(`${String(Math.round(ms)).padStart(6)} ms  ${what}`);
    for (const failure of honest.failures.slice(0, 20)) console.log(`not served: ${failure}`);
    const slowestMs = Math.round(slowest[0]?.[1] ?? 0);
    console.log(
      `${connections} hostile connections; highest resident memory ${megabytes(highest)} MB (bound 250); slowest answer to an honest client ${slowestMs} ms (bound ${maxAnswerMs}); ${honest.served} sessions served, ${honest.failures.length} not; ${left} hostile sockets left two minutes later`,
    );
    return highest <= maxBytes && slowestMs <= maxAnswerMs && honest.failures.length === 0 && left === 0;
  } finally {
    attack.kill('SIGKILL');
    await world.close();
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

if (values.help) console.log(usage);
else process.exitCode = (await run()) ? 0 : 1;
