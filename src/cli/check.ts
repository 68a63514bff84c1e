import { checkBridge } from '../app/checked-bridge.ts';
import { type CheckOptions, checkConnections, type HopResult } from '../app/connections/check.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { takesColours } from '../base/pretty-line.ts';
import { visibleLine } from '../base/visible.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { SignInStore } from '../tokens/sign-ins/store.ts';
import { readArguments } from './arguments.ts';
import { bridgeSenders, sendThroughBridge } from './check/send-test.ts';
import { CheckOutput } from './check-output.ts';
import { configPath } from './config-path.ts';
import type { CliIo } from './terminal/io.ts';

const usage = `Usage: mailbridge check [NAME] [--bridge] [--wait] [--send-test ADDRESS]... [--config FILE] [--json]

Tries every hop of every connection and account, from DNS to the mailbox, and says what is wrong and how to fix it.
Then it looks at the bridge on this machine: whether it runs, whether each listener answers, its disk, its queue.
NAME limits it to one connection or one account. It changes nothing and sends nothing but test messages.

  --bridge             fails where the bridge does not run; without it that is said, and is no failure
  --wait               tries again every minute while a change at Microsoft may still be spreading: up to 15 minutes in
                       Entra ID, two hours in Exchange. Ends at once, with the remedy, where waiting cures nothing
  --send-test ADDRESS  sends a small message to ADDRESS from each account that can send, through the bridge where one
                       runs, and follows it; may be given more than once. At a terminal it asks for the password of
                       an account that needs one; where nobody is there to ask, the message goes past the bridge
  --json               one JSON object with every hop, at the end

Exit code 0: everything works, or all of Microsoft's side and the bridge does not run; 1: something does not work;
2: wrong usage or configuration.
`;

const pollMs = 60_000;
/** Two hours: as long as Microsoft says that permissions in Exchange take. */
const exchangePolls = 120;
/** Entra ID hands a registration, a consent or a permission on within minutes. */
const entraPolls = 15;

/** `mailbridge check` */
export async function runCheck(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('check', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean' },
      wait: { type: 'boolean' },
      bridge: { type: 'boolean', default: false },
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
  const { config, warnings } = await loadConfig(configPath(values.config, io.env), { env: io.env });
  const json = values.json ?? false;
  for (const warning of warnings) io.stderr.write(`warning: ${warning}\n`);
  // Passwords are asked for before anything is shown.
  const senders = sendTestTo.length > 0 ? await bridgeSenders(config, name, io) : [];
  const tested = new Set(senders.map(({ account }) => account.username));
  const options = { name, clock, env: { ...io.env }, tested };
  const output = new CheckOutput(json ? io.stderr : io.stdout, takesColours(io.stdout, io.env));
  const tell = (result: HopResult) => {
    if (!json) output.tell(result);
  };
  const first = await oneRound(config, { ...options, sendTestTo }, tell);
  const hops = values.wait ? await untilArrived(config, { ...options, sendTestTo }, first, { io, json, tell }) : first;
  const bridge: HopResult[] = [];
  for await (const result of checkBridge(config, { mustRun: values.bridge, clock })) {
    bridge.push(result);
    tell(result);
  }
  for await (const result of sendThroughBridge(config, senders, sendTestTo, () => clock.now())) {
    bridge.push(result);
    tell(result);
  }
  if (values.wait && !json) tellWhyNotWaiting(hops, io);
  return conclude([...hops, ...bridge], json, io);
}

/** A connection and what it is tried with. */
export interface SignInTried {
  readonly name: string;
  /** Takes the place of the sign-in that the connection keeps. */
  readonly signIn: SignInStore;
  /** Nothing is told. */
  readonly quiet: boolean;
}

/** Tries every hop of a connection with a sign-in, and tells them. @returns whether none fails */
export async function trySignIn(config: Config, tried: SignInTried, io: CliIo, clock: Clock): Promise<boolean> {
  const { name, signIn, quiet } = tried;
  const output = new CheckOutput(io.stdout, takesColours(io.stdout, io.env));
  const hops = await oneRound(config, { name, signIn, clock, env: { ...io.env } }, (result) => {
    if (!quiet) output.tell(result);
  });
  return quiet ? hops.every(({ status }) => status !== 'failed') : conclude(hops, false, io) === 0;
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
    for (let polls = 0; mayArrive(hops, polls); polls++) {
      const failed = hops.filter(({ status }) => status === 'failed').length;
      if (!json) {
        const time = new Date(clock.now()).toISOString().slice(11, 16);
        io.stdout.write(
          `\n${time} UTC: ${failed} of ${hops.length} hops ${failed === 1 ? 'fails' : 'fail'}; Microsoft may need up to ${patienceText(hops)}. Trying again in a minute; Ctrl-C ends it.\n`,
        );
      }
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
      const before = new Map(hops.map((hop) => [keyOf(hop), hop]));
      // A test message that was accepted is not sent again every minute.
      const accepted = hops.filter(({ hop, status }) => hop === 'test-message' && status === 'ok');
      const tested = new Set([...(options.tested ?? []), ...accepted.flatMap(({ account }) => account ?? [])]);
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

/** Whether waiting may cure all that fails. @param polls made so far */
function mayArrive(hops: readonly HopResult[], polls: number): boolean {
  const failed = hops.filter(({ status }) => status === 'failed');
  return failed.length > 0 && failed.every((hop) => polls < pollsFor(hop));
}

/** How often it makes sense to try again what has failed; 0: waiting does not cure it. */
function pollsFor({ hop, spreading }: HopResult): number {
  if (spreading !== true) return 0;
  return hop === 'token' || hop === 'permission' ? entraPolls : exchangePolls;
}

function patienceText(hops: readonly HopResult[]): string {
  const polls = Math.min(...hops.filter(({ status }) => status === 'failed').map(pollsFor));
  return polls === exchangePolls ? 'two hours' : `${polls} minutes`;
}

/** The end of waiting, with the remedy once more: it may have scrolled away. */
function tellWhyNotWaiting(hops: readonly HopResult[], io: CliIo): void {
  const failed = hops.filter(({ status }) => status === 'failed').toSorted((a, b) => pollsFor(a) - pollsFor(b));
  const [first] = failed;
  if (!first) return;
  const why = pollsFor(first) === 0 ? 'Waiting does not cure this' : `It has not come within ${patienceText([first])}`;
  const remedy = first.remedy === undefined ? '' : ` ${first.remedy.replaceAll('\n', ' ')}`;
  const what = `${first.hop} ${first.target}`.trim();
  io.stdout.write(`\n${visibleLine(`${why}: ${what}.${remedy}`)}\n`);
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
    const bridge = hops.find(({ hop }) => hop === 'bridge');
    const works = bridge?.status === 'ok' ? 'Everything' : "Microsoft's side";
    const next = bridge?.status === 'skipped' ? ` The bridge ${bridge.detail}.` : '';
    io.stdout.write(`\n${works} works${but}.${next}\n`);
  }
  return failed === 0 ? 0 : 1;
}
