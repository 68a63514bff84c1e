import { type CheckOptions, checkConnections, type HopResult } from '../../app/connections/check.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { readArguments } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { tellWarning } from '../terminal/tell-error.ts';
import { localTime } from '../terminal/times.ts';
import { standings } from './accounts.ts';
import { CheckOutput } from './output.ts';

const usage = `Usage: mailbridge check [NAME] [--wait] [--send-test ADDRESS]... [--verbose] [--config FILE] [--json]

Tries every hop of every connection and account, from DNS to the mailbox, and says what is wrong and how to fix it.
NAME limits it to one connection or one account. It changes nothing and sends nothing but test messages. It prints a
line for each account, and at the end whatever fails.

  --wait               tries again every minute, for up to two hours, while permissions may still be spreading
  --send-test ADDRESS  sends a small message to ADDRESS from each account that can send; may be given more than once
  --verbose            a line for each hop as well
  --json               one JSON object with every hop, at the end

Exit code 0: everything works; 1: something does not; 2: wrong usage or configuration.
`;

const pollMs = 60_000;
/** Two hours: as long as Microsoft says that permissions take. */
const mostPolls = 120;

/** `mailbridge check` */
export async function runCheck(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('check', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      wait: { type: 'boolean', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
      'send-test': { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const [name, ...more] = positionals;
  if (more.length > 0) {
    throw new BridgeError('usage', `"check" takes one name, but was given "${more[0]}" too.`, {
      remedy: 'Run mailbridge check --help.',
    });
  }
  const sendTestTo = (values['send-test'] ?? []).map(addressOption);
  const { config, warnings } = await loadConfig(configPath(values.config, io.env), { env: io.env });
  const { json, wait, verbose } = values;
  for (const warning of warnings) tellWarning(io, warning, json);
  const options = { name, clock, env: { ...io.env }, sendTestTo };
  const rounds = new Rounds(config, options, io, { json, verbose });
  const first = await rounds.next(() => verbose);
  const hops = wait ? await untilArrived(rounds, first, clock) : first;
  if (json) {
    const told = hops.map(({ accounts: _, ...hop }) => hop);
    io.stdout.write(`${JSON.stringify({ ok: !anyFails(hops), hops: told }, null, 2)}\n`);
  } else rounds.conclude(hops);
  return anyFails(hops) ? 1 : 0;
}

/** @throws BridgeError `usage` */
function addressOption(text: string): string {
  if (/^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/.test(text)) return text;
  throw new BridgeError('usage', `--send-test needs an address, not "${text}".`);
}

/** Tries all hops, once or again and again, and tells of them. */
class Rounds {
  readonly #config: Config;
  readonly #options: CheckOptions;
  readonly #io: CliIo;
  readonly #json: boolean;
  readonly #output: CheckOutput;
  #isSomethingTold = false;

  constructor(
    config: Config,
    options: CheckOptions,
    io: CliIo,
    { json, verbose }: { readonly json: boolean; readonly verbose: boolean },
  ) {
    this.#config = config;
    this.#options = options;
    this.#io = io;
    this.#json = json;
    this.#output = new CheckOutput(io);
    this.#isSomethingTold = verbose && !json;
  }

  /** @param isTold whether a hop gets a line of its own */
  async next(isTold: (result: HopResult) => boolean, more: CheckOptions = {}): Promise<HopResult[]> {
    const hops: HopResult[] = [];
    const progress = new Progress(this.#io, 'Trying every hop');
    try {
      for await (const result of checkConnections(this.#config, { ...this.#options, ...more })) {
        hops.push(result);
        progress.say(`Trying every hop of ${result.connection}, ${hops.length} done`);
        if (this.#json || !isTold(result)) continue;
        progress.clear();
        this.#output.hop(result);
      }
    } finally {
      progress.end();
    }
    return hops;
  }

  waits(hops: readonly HopResult[], nowMs: number): void {
    if (this.#json) return;
    if (!this.#isSomethingTold) this.conclude(hops);
    this.#isSomethingTold = true;
    this.#output.waits(hops, localTime(nowMs));
  }

  conclude(hops: readonly HopResult[]): void {
    if (this.#isSomethingTold) this.#io.stdout.write('\n');
    this.#output.conclude(standings(this.#config, hops, this.#options.name), hops);
  }
}

/** Tries again while nothing fails but what may still arrive, and tells what has changed. */
async function untilArrived(rounds: Rounds, first: readonly HopResult[], clock: Clock): Promise<readonly HopResult[]> {
  let hops = first;
  // The clock's timers do not keep the process alive.
  const alive = setInterval(() => {}, pollMs);
  try {
    for (let polls = 0; mayArrive(hops) && polls < mostPolls; polls++) {
      rounds.waits(hops, clock.now());
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
      const before = new Map(hops.map((hop) => [keyOf(hop), hop]));
      // A test message that was accepted is not sent again every minute.
      const accepted = hops.filter(({ hop, status }) => hop === 'test-message' && status === 'ok');
      const tested = new Set(accepted.flatMap(({ account }) => account ?? []));
      const hasChanged = (result: HopResult) => {
        const known = before.get(keyOf(result));
        return known?.status !== result.status || known.cause !== result.cause;
      };
      hops = [...(await rounds.next(hasChanged, { tested })), ...accepted];
    }
  } finally {
    clearInterval(alive);
  }
  return hops;
}

function mayArrive(hops: readonly HopResult[]): boolean {
  const failed = hops.filter(({ status }) => status === 'failed');
  return failed.length > 0 && failed.every(({ spreading }) => spreading === true);
}

function keyOf({ connection, hop, target }: HopResult): string {
  return `${connection}\n${hop}\n${target}`;
}

function anyFails(hops: readonly HopResult[]): boolean {
  return hops.some(({ status }) => status === 'failed');
}
