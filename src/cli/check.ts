import { type CheckOptions, checkConnections, type HopResult } from '../app/connections/check.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { takesColours } from '../base/pretty-line.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { readArguments } from './arguments.ts';
import { CheckOutput } from './check-output.ts';
import { configPath } from './config-path.ts';
import type { CliIo } from './terminal/io.ts';

const usage = `Usage: mailbridge check [NAME] [--wait] [--send-test ADDRESS]... [--config FILE] [--json]

Tries every hop of every connection and account, from DNS to the mailbox, and says what is wrong and how to fix it.
NAME limits it to one connection or one account. It changes nothing and sends nothing but test messages.

  --wait               tries again every minute, for up to two hours, while permissions may still be spreading
  --send-test ADDRESS  sends a small message to ADDRESS from each account that can send; may be given more than once
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
      json: { type: 'boolean' },
      wait: { type: 'boolean' },
      'send-test': { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    io.stdout.write(usage);
    return 0;
  }
  const [name, ...more] = positionals;
  if (more.length > 0) {
    throw new BridgeError('usage', `"check" takes one name, but was given "${more[0]}" too.`, {
      remedy: 'Run mailbridge check --help.',
    });
  }
  const sendTestTo = (values['send-test'] ?? []).map(addressOption);
  const loaded = await loadConfig(configPath(values.config, io.env), { env: io.env });
  const { json = false, wait = false } = values;
  return await checkConfig(loaded, { name, json, wait, sendTestTo }, io, clock);
}

/** What `mailbridge check` was asked for. */
export interface WantedCheck {
  /** Of a connection or an account; undefined: all. */
  readonly name: string | undefined;
  readonly json: boolean;
  readonly wait: boolean;
  /** Who gets a test message of each account. */
  readonly sendTestTo: readonly string[];
}

/** Tries the hops of a configuration. @returns the exit code */
export async function checkConfig(
  { config, warnings }: LoadedConfig,
  { name, json, wait, sendTestTo }: WantedCheck,
  io: CliIo,
  clock: Clock,
): Promise<number> {
  // Sign-ins are renewed on the way.
  becomeDataFolderOwner(config.dataDir);
  for (const warning of warnings) io.stderr.write(`warning: ${warning}\n`);
  const options = { name, clock, env: { ...io.env } };
  const output = new CheckOutput(json ? io.stderr : io.stdout, takesColours(io.stdout, io.env));
  const tell = (result: HopResult) => {
    if (!json) output.tell(result);
  };
  const first = await oneRound(config, { ...options, sendTestTo }, tell);
  const hops = wait ? await untilArrived(config, { ...options, sendTestTo }, first, { io, json, tell }) : first;
  return conclude(hops, json, io);
}

/** @throws BridgeError `usage` */
function addressOption(text: string): string {
  if (/^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/.test(text)) return text;
  throw new BridgeError('usage', `--send-test needs an address, not "${text}".`);
}

async function oneRound(config: Config, options: CheckOptions, tell: (result: HopResult) => void) {
  const hops: HopResult[] = [];
  for await (const result of checkConnections(config, options)) {
    hops.push(result);
    tell(result);
  }
  return hops;
}

interface Waiting {
  readonly io: CliIo;
  readonly json: boolean;
  tell(result: HopResult): void;
}

/** Tries again while nothing fails but what may still arrive, and tells what has changed. */
async function untilArrived(
  config: Config,
  options: CheckOptions & { readonly clock: Clock },
  first: readonly HopResult[],
  { io, json, tell }: Waiting,
): Promise<readonly HopResult[]> {
  const { clock } = options;
  let hops = first;
  // The clock's timers do not keep the process alive.
  const alive = setInterval(() => {}, pollMs);
  try {
    for (let polls = 0; mayArrive(hops) && polls < mostPolls; polls++) {
      const failed = hops.filter(({ status }) => status === 'failed').length;
      if (!json) {
        const time = new Date(clock.now()).toISOString().slice(11, 16);
        io.stdout.write(
          `\n${time} UTC: ${failed} of ${hops.length} hops ${failed === 1 ? 'fails' : 'fail'}; Microsoft may need up to two hours. Trying again in a minute; Ctrl-C ends it.\n`,
        );
      }
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
      const before = new Map(hops.map((hop) => [keyOf(hop), hop]));
      // A test message that was accepted is not sent again every minute.
      const accepted = hops.filter(({ hop, status }) => hop === 'test-message' && status === 'ok');
      const tested = new Set(accepted.flatMap(({ account }) => account ?? []));
      const round = await oneRound(config, { ...options, tested }, (result) => {
        const known = before.get(keyOf(result));
        if (known?.status !== result.status || known.cause !== result.cause) tell(result);
      });
      hops = [...round, ...accepted];
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

function conclude(hops: readonly HopResult[], json: boolean, io: CliIo): number {
  const failed = hops.filter(({ status }) => status === 'failed').length;
  const warnings = hops.filter(({ warning }) => warning !== undefined).length;
  if (json) {
    io.stdout.write(`${JSON.stringify({ ok: failed === 0, hops }, null, 2)}\n`);
  } else if (failed > 0) {
    io.stdout.write(`\n${failed} ${failed === 1 ? 'hop fails' : 'hops fail'}. Fix the first one first.\n`);
  } else {
    const but = warnings === 0 ? '' : `, with ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
    io.stdout.write(`\nEverything works${but}.\n`);
  }
  return failed === 0 ? 0 : 1;
}
