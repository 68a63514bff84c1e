import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { freePorts } from './ports.ts';
import type { Postgres } from './postgres.ts';
import { type LogLine, Mailbridge } from './process.ts';
import { contosoAccount, contosoConfig, password, type RelayFolder, relayFolder } from './relay.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';

/** Mailboxes that a fleet sends as, half of them through each courier. */
export const fleetMailboxes = Array.from({ length: 12 }, (_, at) => `m${at}@contoso.com`);

const byCourier = {
  graph: fleetMailboxes.filter((_, at) => at % 2 === 0),
  smtp: fleetMailboxes.filter((_, at) => at % 2),
};

/** One bridge of several, and its folder. */
export interface FleetBridge {
  readonly name: string;
  readonly folder: RelayFolder;
  port: number;
  configOn(port: number): ConfigInput;
  process: Mailbridge;
  /** Processes that ran before the current one. */
  readonly earlier: Mailbridge[];
}

/** Several bridges in front of one simulator, with one queue on PostgreSQL. */
export class Fleet {
  readonly bridges: readonly FleetBridge[];

  private constructor(bridges: readonly FleetBridge[]) {
    this.bridges = bridges;
  }

  static async start(
    names: readonly string[],
    simulator: Simulator,
    postgres: Postgres,
    changes: Partial<ConfigInput> = {},
  ): Promise<Fleet> {
    const bridges: FleetBridge[] = [];
    const fleet = new Fleet(bridges);
    try {
      for (const name of names) {
        const port = await freePorts();
        const configOn = (port: number) => fleetConfig(name, port, simulator, postgres, changes);
        const folder = await relayFolder(configOn(port));
        bridges.push({ name, folder, port, configOn, process: await startBridge(folder), earlier: [] });
      }
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  any(): FleetBridge {
    return this.bridges[randomInt(this.bridges.length)] as FleetBridge;
  }

  /** Kills it without warning and starts it again. */
  async crash(bridge: FleetBridge): Promise<void> {
    await bridge.process.kill();
    bridge.earlier.push(bridge.process);
    bridge.process = await startBridge(bridge.folder).catch(async (error: unknown) => {
      // While it was down, another program on this machine may have taken the port.
      if (!/\(port-in-use\)/.test(`${error}`)) throw error;
      bridge.port = await freePorts();
      await bridge.folder.configure(bridge.configOn(bridge.port));
      return await startBridge(bridge.folder);
    });
  }

  /** The log lines of all bridges, in order. @param fits which lines are wanted */
  lines(fits: (line: LogLine) => boolean): (LogLine & { readonly bridge: string })[] {
    return this.bridges
      .flatMap(({ name, earlier, process }) =>
        [...earlier, process].flatMap(({ lines }) => lines.filter(fits).map((line) => ({ ...line, bridge: name }))),
      )
      .toSorted((one, other) => one.time.localeCompare(other.time));
  }

  /** Undelivered messages, as `mailbridge queue list` shows them. */
  async waiting(): Promise<unknown[]> {
    const [first] = this.bridges as readonly [FleetBridge];
    const listed = Mailbridge.run(['queue', 'list', '--json', '--config', first.folder.configFile]);
    await listed.exit();
    return JSON.parse(listed.stdout) as unknown[];
  }

  async stop(): Promise<void> {
    for (const { process, folder } of this.bridges) {
      process.signal('SIGCONT');
      await process.kill();
      await folder.remove();
    }
  }
}

/** Several start at once, on a busy machine. */
function startBridge({ configFile }: RelayFolder): Promise<Mailbridge> {
  return Mailbridge.start(configFile, { patienceMs: 60_000 });
}

function fleetConfig(
  instance: string,
  port: number,
  simulator: Simulator,
  postgres: Postgres,
  { queue, ...changes }: Partial<ConfigInput>,
): ConfigInput {
  return contosoConfig(simulator, {
    instance,
    listeners: [{ protocol: 'smtp', port, security: 'starttls' }],
    accounts: (['graph', 'smtp'] as const).map((send) => {
      const { mailbox: _, ...account } = contosoAccount(send, { mailboxes: byCourier[send] });
      return account;
    }),
    ...changes,
    queue: { retryBaseSeconds: 1, ...queue, store: 'postgres', postgres: { url: postgres.url() } },
  });
}

/** The outcome of a message as its client saw it. */
export type FleetOutcome = 'accepted' | 'refused' | 'unanswered' | 'unsent';

/** The Message-ID of a message of {@link FleetClients}. */
export function fleetId(number: number): string {
  return `<fleet-${number}@contoso.com>`;
}

/** Clients that send continuously, each message to a random bridge. */
export class FleetClients {
  readonly outcomes = new Map<number, FleetOutcome>();
  /** The time when the client got the reply, as ISO 8601, and the reply. */
  readonly answers = new Map<number, string>();
  /** Replies to messages that were not accepted. */
  readonly refusals = new Set<string>();
  readonly #fleet: Fleet;
  readonly #pauseMs: number;
  #next = 0;
  #isOver = false;
  #running: Promise<void> | undefined;

  /** @param pauseMs of each client after each message */
  constructor(fleet: Fleet, clients: number, pauseMs: number) {
    this.#fleet = fleet;
    this.#pauseMs = pauseMs;
    this.#running = Promise.all(Array.from({ length: clients }, () => this.#client())).then(() => {});
  }

  with(outcome: FleetOutcome): number[] {
    return [...this.outcomes].filter(([, each]) => each === outcome).map(([number]) => number);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const number = this.#next++;
      this.outcomes.set(number, await this.#send(number));
      await delay(this.#pauseMs);
    }
  }

  async #send(number: number): Promise<FleetOutcome> {
    const mailbox = fleetMailboxes[number % fleetMailboxes.length] as string;
    const username = number % 2 === 0 ? 'graph' : 'smtp';
    const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
    const dialogue = await SmtpDialogue.open(this.#fleet.any().port);
    try {
      const replies = await answered(
        dialogue.pipeline(
          'EHLO fleet.test',
          `AUTH PLAIN ${credentials}`,
          `MAIL FROM:<${mailbox}>`,
          'RCPT TO:<alice@contoso.com>',
          'DATA',
        ),
      );
      if (!replies?.at(-1)?.startsWith('354')) return this.#refused(replies?.find((each) => /^[45]/.test(each)));
      const header = `From: ${mailbox}\r\nTo: alice@contoso.com\r\nSubject: ${number}\r\nMessage-ID: ${fleetId(number)}\r\n`;
      dialogue.send(`${header}\r\nmessage ${number}\r\n.\r\n`);
      const reply = await answered(dialogue.reply());
      this.answers.set(number, `${new Date().toISOString()} ${reply ?? 'no answer'}`);
      if (reply?.startsWith('250')) return 'accepted';
      return reply === undefined || reply === 'closed' ? 'unanswered' : this.#refused(reply);
    } finally {
      dialogue.destroy();
    }
  }

  #refused(reply: string | undefined): FleetOutcome {
    if (reply === undefined) return 'unsent';
    this.refusals.add(reply);
    return 'refused';
  }
}

/** A bridge that hangs says nothing; a client waits for minutes, a test does not. */
async function answered<T>(reply: Promise<T>): Promise<T | undefined> {
  return await Promise.race([reply, delay(20_000, undefined, { ref: false })]);
}
