import { setTimeout as delay } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import { afterEach, expect, test } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { keptLog } from '../support/kept-log.ts';
import { type Postgres, postgresForTests } from '../support/postgres.ts';
import { alice, contosoConfig, password, type Relay, relayFrom, startContoso } from '../support/relay.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const server = postgresForTests();
const relays: Relay[] = [];

afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

let schemas = 0;

/** Instances whose account reads alice's mailbox through Graph. */
class Instances {
  readonly simulator: Simulator;
  readonly log = keptLog();
  readonly #schema = `reading_${schemas++}`;
  readonly #folders = new Map<string, string>();
  #relays = new Map<string, Relay>();
  #delivered = 0;

  /** Seconds between two looks at Graph. */
  readonly #pollSeconds: number;

  private constructor(simulator: Simulator, pollSeconds: number) {
    this.simulator = simulator;
    this.#pollSeconds = pollSeconds;
  }

  static start(...names: readonly string[]): Promise<Instances> {
    return Instances.polling(15, ...names);
  }

  static async polling(pollSeconds: number, ...names: readonly string[]): Promise<Instances> {
    const instances = new Instances(await startContoso(), pollSeconds);
    for (const name of names) await instances.begin(name);
    return instances;
  }

  /** Starts an instance, or restarts it with the data that it kept. */
  async begin(name: string): Promise<void> {
    const dataDir = this.#folders.get(name) ?? temporaryFolder();
    this.#folders.set(name, dataDir);
    const relay = await relayFrom(this.simulator, this.#config(name, dataDir, server()), this.log.log);
    relays.push(relay);
    this.#relays.set(name, relay);
  }

  async end(name: string): Promise<void> {
    await this.#relays.get(name)?.bridge.stop();
  }

  deliver(subject: string): void {
    const internalDate = new Date(Date.UTC(2026, 5, 1) + ++this.#delivered * 1_000);
    const content = Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`);
    this.simulator.directory.deliver(alice, 'INBOX', content, { internalDate });
  }

  /** A client that has logged in at an instance. */
  async client(name: string): Promise<ImapFlow> {
    const port = this.#relays.get(name)?.port(0) ?? 0;
    const flow = new ImapFlow({
      ...{ host: '127.0.0.1', port, secure: false, auth: { user: 'alice', pass: password } },
      ...{ logger: false, qresync: true },
    });
    flow.on('error', () => {});
    await flow.connect();
    return flow;
  }

  #config(instance: string, dataDir: string, { url }: { url(): string }): ConfigInput {
    return contosoConfig(this.simulator, {
      ...{ dataDir, instance },
      listeners: [{ protocol: 'imap', port: 0, security: 'none' }],
      accounts: [{ username: 'alice', password, connection: 'contoso', mailbox: alice, read: 'graph' }],
      queue: { store: 'postgres', postgres: { url: url.call(server()), schema: this.#schema } },
      limits: { graphPollSeconds: this.#pollSeconds },
    });
  }
}

/** A mail program that keeps what it has loaded, and asks for changes since (RFC 7162). */
class Program {
  readonly subjects = new Map<number, string>();
  /** Messages that it had to load each time. */
  readonly loaded: number[] = [];
  #uidValidity: bigint | undefined;
  #modseq: bigint | undefined;

  async visit(instances: Instances, name: string): Promise<void> {
    const flow = await instances.client(name);
    const changedSince = this.#modseq;
    const vanished: number[] = [];
    flow.on('expunge', ({ uid }: { uid?: number }) => void (uid !== undefined && vanished.push(uid)));
    const open = {
      readOnly: false,
      ...(changedSince !== undefined && { changedSince, uidValidity: this.#uidValidity }),
    };
    const { uidValidity, highestModseq = 0n } = await flow.mailboxOpen('INBOX', open as never);
    if (this.#uidValidity !== undefined && uidValidity !== this.#uidValidity) this.subjects.clear();
    expect(highestModseq).toBeGreaterThanOrEqual(this.#modseq ?? 0n);
    for (const uid of vanished) this.subjects.delete(uid);
    let loaded = 0;
    const range = { uid: true, ...(changedSince !== undefined && { changedSince }) };
    for await (const { uid, envelope } of flow.fetch('1:*', { uid: true, envelope: true }, range as never)) {
      const subject = envelope?.subject ?? '';
      expect([uid, this.subjects.get(uid) ?? subject]).toEqual([uid, subject]);
      if (!this.subjects.has(uid)) loaded += 1;
      this.subjects.set(uid, subject);
    }
    this.#uidValidity = uidValidity;
    this.#modseq = highestModseq;
    this.loaded.push(loaded);
    await flow.logout();
  }
}

test('a program that comes to another instance goes on with what it has loaded', { timeout: 60_000 }, async () => {
  const instances = await Instances.start('a', 'b');
  for (const subject of ['one', 'two', 'three']) instances.deliver(subject);
  const program = new Program();
  await program.visit(instances, 'a');
  await program.visit(instances, 'b');
  instances.simulator.directory.remove(alice, 'INBOX', 1);
  instances.deliver('four');
  await program.visit(instances, 'b');
  await program.visit(instances, 'a');
  await instances.end('a');
  instances.deliver('five');
  await program.visit(instances, 'b');
  await instances.begin('a');
  instances.deliver('six');
  await program.visit(instances, 'a');
  expect(program.loaded).toEqual([3, 0, 1, 0, 1, 1]);
  const now = Object.fromEntries(program.subjects);
  expect(now).toEqual({ 2: 'two', 3: 'three', 4: 'four', 5: 'five', 6: 'six' });
});

test('what a client does at one instance, clients of the other are told within a moment', {
  timeout: 120_000,
}, async () => {
  // The bridge polls Graph once an hour: changes seen within a minute come from the other instance.
  const instances = await Instances.polling(3600, 'a', 'b');
  instances.deliver('one');
  const [here, there] = [await instances.client('a'), await instances.client('b')];
  const told: string[] = [];
  there.on('flags', ({ uid, seq, flags }: { uid?: number; seq: number; flags: Set<string> }) =>
    told.push(`${uid ?? seq} ${[...flags].join(' ')}`),
  );
  there.on('exists', ({ count }: { count: number }) => told.push(`${count} exist`));
  await there.mailboxOpen('INBOX');
  void there.idle();
  await here.mailboxOpen('INBOX');
  await here.messageFlagsAdd('1', ['\\Flagged']);
  await here.append('INBOX', Buffer.from('Subject: two\r\n\r\nx\r\n'), []);
  // Both may come with one notice; new messages are reported first then.
  await expect.poll(() => told.toSorted(), { timeout: 60_000 }).toEqual(['1 \\Flagged', '2 exist']);
  await here.logout();
  await there.logout();
});

test('while PostgreSQL is away clients are told so, and why stands in the log; then all goes on by itself', {
  timeout: 120_000,
}, async () => {
  const instances = await Instances.start('a');
  instances.deliver('one');
  const program = new Program();
  await program.visit(instances, 'a');
  const open = await instances.client('a');
  await (server() as Postgres).kill();
  const refused = await open.mailboxOpen('INBOX').catch((error: { serverResponseCode?: string }) => error);
  expect(refused).toMatchObject({ serverResponseCode: 'UNAVAILABLE' });
  const failed = await instances.client('a').catch((error: { serverResponseCode?: string }) => error);
  expect(failed).toMatchObject({ serverResponseCode: 'UNAVAILABLE' });
  const codes = instances.log.lines.flatMap(({ error }) => (error as { code?: string } | undefined)?.code ?? []);
  expect(codes).toContain('shared-store-unavailable');
  await server().run();
  instances.deliver('two');
  for (let tries = 0; tries < 50; tries++) {
    const isOpen = await open.mailboxOpen('INBOX').then(
      () => true,
      () => false,
    );
    if (isOpen) break;
    await delay(200);
  }
  await open.logout();
  await program.visit(instances, 'a');
  expect(program.loaded).toEqual([1, 1]);
  expect(Object.fromEntries(program.subjects)).toEqual({ 1: 'one', 2: 'two' });
});
