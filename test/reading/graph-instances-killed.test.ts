import { ImapFlow } from 'imapflow';
import { expect, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { freePorts } from '../support/ports.ts';
import { postgresForTests } from '../support/postgres.ts';
import { Mailbridge } from '../support/process.ts';
import { seededRandom } from '../support/random.ts';
import { alice, contosoConfig, password, relayFolder, startContoso } from '../support/relay.ts';

const server = postgresForTests();
const flags = ['\\Seen', '\\Flagged', '\\Answered'];

/** A bridge as a separate process that is killed and started again. */
class Instance {
  readonly port: number;
  readonly #configFile: string;
  #process: Mailbridge;

  private constructor(port: number, configFile: string, process: Mailbridge) {
    this.port = port;
    this.#configFile = configFile;
    this.#process = process;
  }

  static async start(name: string, simulator: Simulator): Promise<Instance> {
    const port = await freePorts();
    const folder = await relayFolder(
      contosoConfig(simulator, {
        instance: name,
        listeners: [{ protocol: 'imap', port, security: 'none' }],
        accounts: [{ username: 'alice', password, connection: 'contoso', mailbox: alice, read: 'graph' }],
        queue: { store: 'postgres', postgres: { url: server().url() } },
        limits: { graphPollSeconds: 5 },
      }),
    );
    const start = () => Mailbridge.start(folder.configFile, { patienceMs: 60_000 });
    const instance = new Instance(port, folder.configFile, await start());
    onTestFinished(async () => {
      await instance.#process.kill();
      await folder.remove();
    });
    return instance;
  }

  async crash(): Promise<void> {
    await this.#process.kill();
    this.#process = await Mailbridge.start(this.#configFile, { patienceMs: 60_000 });
  }

  async client(): Promise<ImapFlow> {
    const auth = { user: 'alice', pass: password };
    const flow = new ImapFlow({ host: '127.0.0.1', port: this.port, secure: false, auth, logger: false });
    flow.on('error', () => {});
    await flow.connect();
    return flow;
  }
}

/** The UIDs that clients were given: a UID of a UIDVALIDITY is one message, wherever and whenever a client asks. */
class Told {
  readonly #subjects = new Map<string, string>();

  async read(flow: ImapFlow): Promise<Record<number, string>> {
    const { uidValidity, exists } = await flow.mailboxOpen('INBOX');
    const found: Record<number, string> = {};
    if (exists === 0) return found;
    for await (const { uid, envelope } of flow.fetch('1:*', { uid: true, envelope: true })) {
      const key = `${uidValidity} ${uid}`;
      const subject = envelope?.subject ?? '';
      expect([key, this.#subjects.get(key) ?? subject]).toEqual([key, subject]);
      this.#subjects.set(key, subject);
      found[uid] = subject;
    }
    return found;
  }

  get uidValidities(): readonly string[] {
    return [...new Set([...this.#subjects.keys()].map((key) => key.split(' ')[0] ?? ''))];
  }
}

test('two bridges that are killed amid what their clients do never give a UID to two messages', {
  timeout: 300_000,
}, async () => {
  const seed = Math.floor(Math.random() * 1e9);
  const next = seededRandom(seed);
  const below = (bound: number) => Math.floor(next() * bound);
  const simulator = await startContoso();
  const instances = await Promise.all(['a', 'b'].map((name) => Instance.start(name, simulator)));
  const told = new Told();
  let count = 0;
  let isOver = false;
  /** A client that goes from bridge to bridge and does something at each. */
  const client = async () => {
    while (!isOver) {
      const flow = await (instances[below(2)] as Instance).client().catch(() => undefined);
      if (flow === undefined) continue;
      try {
        const uids = Object.keys(await told.read(flow));
        const some = uids[below(uids.length)] ?? '1';
        const [flag = ''] = [flags[below(flags.length)]];
        if (below(3) > 0) await flow.append('INBOX', Buffer.from(`Subject: m${++count}\r\n\r\nx\r\n`), []);
        if (below(2) > 0) await flow.messageFlagsAdd(some, [flag], { uid: true });
        if (below(3) === 0) await flow.messageDelete(some, { uid: true });
        await told.read(flow);
        await flow.logout();
      } catch (error) {
        // Other failures come from the killed bridge; a wrong UID does not.
        if ((error as Error).name === 'AssertionError') throw error;
        flow.close();
      }
    }
  };
  const clients = [client(), client(), client()];
  for (let kills = 0; kills < 4; kills++) {
    const before = count;
    await expect.poll(() => count, { timeout: 60_000 }).toBeGreaterThan(before + 4);
    const subject = `m${++count}`;
    simulator.directory.deliver(alice, 'INBOX', Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`));
    await (instances[kills % 2] as Instance).crash();
  }
  isOver = true;
  await Promise.all(clients);
  const seen = await Promise.all(
    instances.map(async (instance) => {
      const flow = await instance.client();
      const found = await told.read(flow);
      await flow.logout();
      return found;
    }),
  );
  expect(seen[0], `seed ${seed}`).toEqual(seen[1]);
  const onServer = simulator.directory
    .messages(alice, 'INBOX')
    .map(({ content }) => /^Subject: (.*)\r$/m.exec(content.toString())?.[1] ?? '');
  expect(Object.values(seen[0] ?? {}).sort(), `seed ${seed}`).toEqual(onServer.sort());
  expect(told.uidValidities.length).toBe(1);
});
