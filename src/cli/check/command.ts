import { checkBridge } from '../../app/checked-bridge.ts';
import type { HopResult } from '../../app/connections/check.ts';
import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { withSharedRecords } from '../../app/instances/shared-records.ts';
import type { CommandQueue } from '../../app/queue-store.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { SignInStore } from '../../tokens/sign-ins/store.ts';
import { readArguments } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { tellWarning } from '../terminal/tell-error.ts';
import { endOfPatience, mayArrive, pollMs } from './patience.ts';
import { Rounds } from './rounds.ts';
import { bridgeSenders, sendThroughBridge } from './send-test.ts';

const usage = `Usage: mailbridge check [NAME] [--mailbox ADDRESS]... [--bridge] [--wait] [--send-test ADDRESS]... [--verbose]
                        [--config FILE] [--json]

Tries every hop of every connection and account, from DNS to the mailbox, and says what is wrong and how to fix it.
Then it checks the bridge on this machine: whether it runs, whether each listener answers, its disk, its queue.
NAME limits it to one connection or one account. It changes nothing and sends nothing but test messages. It prints a
line for each account and mailbox, and at the end everything that fails.

  --mailbox ADDRESS    tries this one of the mailboxes that an account has as *@domain, and whether LDAP finds the person;
                       can be repeated
  --bridge             fails if the bridge does not run; without it that is only reported
  --wait               tries again every minute while a change at Microsoft may still be spreading: up to 15 minutes in
                       Entra ID, two hours in Exchange. Ends at once, with the remedy, if waiting does not help
  --send-test ADDRESS  sends a small message to ADDRESS from each account that can send, through the bridge if it
                       runs, and follows it; can be repeated. At a terminal it asks for the password of an account
                       that needs one; if there is nobody to ask, the message goes straight to Microsoft
  --verbose            prints a line for each hop as well
  --json               prints one JSON object with every hop, at the end

Exit code 0: everything works, or all of Microsoft's side works and the bridge does not run; 1: something does not work;
2: wrong usage or configuration.

Example: mailbridge check --send-test admin@contoso.com
`;

/** `mailbridge check` */
export async function runCheck(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('check', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      wait: { type: 'boolean', default: false },
      bridge: { type: 'boolean', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
      'send-test': { type: 'string', multiple: true },
      mailbox: { type: 'string', multiple: true },
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
  const sendTestTo = (values['send-test'] ?? []).map((text) => addressOption('send-test', text));
  const mailboxes = (values.mailbox ?? []).map((text) => addressOption('mailbox', text));
  const loaded = await loadConfig(configPath(values.config, io.env), { env: io.env });
  return await withSharedRecords(loaded.config, (shared, queue) =>
    checkConfig(loaded, { ...values, name, mailboxes, sendTestTo, shared, queue, clock }, io),
  );
}

/** What `mailbridge check` was asked for. */
export interface WantedCheck {
  /** A connection or an account; undefined: all. */
  readonly name: string | undefined;
  /** Mailboxes to try, for accounts with `*@domain`. */
  readonly mailboxes?: readonly string[];
  /** Recipients of a test message from each account. */
  readonly sendTestTo?: readonly string[];
  readonly json?: boolean;
  readonly wait?: boolean;
  /** Whether a stopped bridge is a failure. */
  readonly bridge?: boolean;
  readonly verbose?: boolean;
  /** See {@link withSharedRecords}. */
  readonly shared: RecordTable | undefined;
  readonly queue: CommandQueue;
  readonly clock: Clock;
}

/** Tries the hops of a configuration, and the bridge. @returns the exit code */
export async function checkConfig({ config, warnings }: LoadedConfig, wanted: WantedCheck, io: CliIo): Promise<number> {
  const {
    name,
    mailboxes,
    sendTestTo = [],
    json = false,
    wait = false,
    verbose = false,
    shared,
    queue,
    clock,
  } = wanted;
  // Sign-ins are renewed along the way.
  becomeDataFolderOwner(config.dataDir);
  for (const warning of warnings) tellWarning(io, warning, json);
  // Passwords are asked for before anything is shown.
  const senders = sendTestTo.length > 0 ? await bridgeSenders(config, name, io, json) : [];
  const tested = new Set(senders.map(({ account }) => account.username));
  const options = { name, mailboxes, clock, env: { ...io.env }, sendTestTo, tested, shared, queue };
  const rounds = new Rounds(config, options, io, { json, verbose });
  const first = await rounds.next(() => verbose);
  const hops = wait ? await untilArrived(rounds, first, tested, clock) : first;
  const bridge = await rounds.of(
    checkBridge(config, { mustRun: wanted.bridge ?? false, clock, mailboxes, shared, queue }),
    () => verbose,
  );
  const sent = await rounds.of(
    sendThroughBridge(queue, senders, sendTestTo, () => clock.now()),
    () => verbose,
  );
  const all = [...hops, ...bridge, ...sent];
  if (json) {
    const told = all.map(({ accounts: _, ...hop }) => hop);
    io.stdout.write(`${JSON.stringify({ ok: !anyFails(all), hops: told }, null, 2)}\n`);
  } else {
    rounds.conclude(all);
    const end = wait ? endOfPatience(hops) : undefined;
    if (end !== undefined) new Screen(io.stdout, io.env).say(end);
  }
  return anyFails(all) ? 1 : 0;
}

/** A connection and what to try it with. */
export interface SignInTried {
  readonly name: string;
  /** Mailboxes to try, for accounts with `*@domain`. */
  readonly mailboxes?: readonly string[];
  /** Replaces the sign-in that the connection keeps. */
  readonly signIn: SignInStore;
  readonly shared: RecordTable | undefined;
  readonly queue: CommandQueue;
  /** Whether nothing is shown. */
  readonly quiet: boolean;
}

/** Tries every hop of a connection with a sign-in, and reports the results. @returns whether none fails */
export async function trySignIn(config: Config, tried: SignInTried, io: CliIo, clock: Clock): Promise<boolean> {
  const { quiet, ...parts } = tried;
  const options = { ...parts, clock, env: { ...io.env } };
  const rounds = new Rounds(config, options, io, { json: quiet, verbose: false });
  const hops = await rounds.next(() => false);
  if (!quiet) rounds.conclude(hops);
  return !anyFails(hops);
}

/** @throws BridgeError `usage` */
function addressOption(option: string, text: string): string {
  if (/^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/.test(text)) return text;
  throw new BridgeError('usage', `--${option} needs an address, not "${text}".`, {
    remedy: 'Run mailbridge check --help.',
  });
}

/** Tries again as long as all failures may only need time, and reports changes. */
async function untilArrived(
  rounds: Rounds,
  first: readonly HopResult[],
  alreadyTested: ReadonlySet<string>,
  clock: Clock,
): Promise<readonly HopResult[]> {
  let hops = first;
  // The clock's timers do not keep the process alive.
  const alive = setInterval(() => {}, pollMs);
  try {
    for (let polls = 0; mayArrive(hops, polls); polls++) {
      rounds.waits(hops, clock.now());
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
      const before = new Map(hops.map((hop) => [keyOf(hop), hop]));
      // A test message that was accepted is not sent again every minute.
      const accepted = hops.filter(({ hop, status }) => hop === 'test-message' && status === 'ok');
      const tested = new Set([...alreadyTested, ...accepted.flatMap(({ account }) => account ?? [])]);
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

function keyOf({ connection, hop, target }: HopResult): string {
  return `${connection}\n${hop}\n${target}`;
}

function anyFails(hops: readonly HopResult[]): boolean {
  return hops.some(({ status }) => status === 'failed');
}
