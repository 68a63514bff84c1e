import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  type CourierName,
  contosoAccount,
  contosoConfig,
  couriers,
  password,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

// Each of them waits for several processes.
vi.setConfig({ testTimeout: 120_000 });

let simulator: Simulator;
let folder: RelayFolder;
let bridge: Mailbridge | undefined;

beforeEach(async () => {
  simulator = await startContoso();
  folder = await relayFolder();
});

afterEach(async () => {
  await bridge?.kill();
  await simulator?.close();
  await folder?.remove();
});

async function start(config: ConfigInput): Promise<Mailbridge> {
  await folder.configure(config);
  bridge = await Mailbridge.start(folder.configFile);
  return bridge;
}

async function send(port: number, username: string, mark: string): Promise<string> {
  const client = await SmtpDialogue.open(port);
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  const reply = await client.message(`From: ${reports}\r\nTo: ${alice}\r\nSubject: ${mark}\r\n\r\ntext\r\n`);
  client.destroy();
  return reply;
}

const isPaused = ({ msg }: { msg: string }) => msg.startsWith('connection contoso is paused: ');
const isOver = ({ msg }: { msg: string }) => msg.startsWith('connection contoso works again after ');

async function queueList(): Promise<{ readonly attempts: number; readonly waiting?: { readonly kind: string } }[]> {
  const list = Mailbridge.run(['queue', 'list', '--json', '--config', folder.configFile]);
  expect((await list.exit()).code, list.stderr).toBe(0);
  return JSON.parse(list.stdout);
}

describe('Entra ID is down', () => {
  test('mail is accepted and waits, the log says so once, and all goes out when it is back', async () => {
    simulator.faults.add({ target: 'entra', kind: 'status', status: 503 }, 1000);
    const { port: adminPort } = await freeAdmin();
    const accounts = [contosoAccount('graph'), contosoAccount('graph', { username: 'now', delivery: 'direct' })];
    const running = await start({ ...contosoConfig(simulator, { accounts }), admin: { port: adminPort } });
    const atStart = ({ msg }: { msg: string }) =>
      msg.startsWith('connection contoso could not get a token for graph: ');
    // It is temporary: a warning, not an error that needs action.
    expect((await running.line(atStart, 'the missing token')).level).toBe(40);
    const marks = Array.from({ length: 12 }, (_, i) => `outage-${i}-`);
    for (const mark of marks) expect(await send(running.port(), 'graph', mark)).toMatch(/^250 /);
    await running.line(isPaused, 'the pause');

    expect(await send(running.port(), 'now', 'direct')).toMatch(/^451 4\.7\.0 token-temporarily-unavailable: /);
    const waiting = await queueList();
    expect(waiting.map((each) => each.waiting?.kind)).toEqual(marks.map(() => 'breaker'));
    const health = await (await fetch(`http://127.0.0.1:${adminPort}/health`)).json();
    expect(health).toMatchObject({ status: 'degraded', troubles: [{ connection: 'contoso', part: 'graph-token' }] });
    expect(running.lines.filter(({ msg }) => msg.startsWith('deferred'))).toEqual([]);
    const asked = () => 1000 - (simulator.faults.list()[0]?.remaining ?? 0);
    await until('a few probes', () => asked() >= 4, 60_000);
    expect(asked()).toBeLessThan(12);

    const check = Mailbridge.run(['check', '--json', '--config', folder.configFile]);
    expect((await check.exit()).code).toBe(1);
    const { hops } = JSON.parse(check.stdout) as { hops: { hop: string; warning?: string }[] };
    expect(hops.find(({ hop }) => hop === 'configuration')?.warning).toMatch(
      /^The bridge has paused this connection since .*token-temporarily-unavailable/,
    );

    simulator.faults.clear();
    await Promise.all(marks.map((mark) => arrived(simulator, alice, 'INBOX', mark)));
    await running.line(isOver, 'the end of it');
    expect(running.lines.filter(isPaused)).toHaveLength(1);
    expect(simulator.transport.journal.count).toBe(marks.length);
    expect(await (await fetch(`http://127.0.0.1:${adminPort}/health`)).json()).toEqual({ status: 'ok', ready: true });
    expect(await send(running.port(), 'now', 'direct-again')).toMatch(/^250 /);
  });
});

describe('a connection that cannot reach its host', () => {
  const unreachable: Record<string, (simulator: Simulator, courier: CourierName) => object> = {
    'nothing listens there': (_, courier) =>
      courier === 'graph'
        ? { graph: 'https://127.0.0.1:1' }
        : { smtp: { host: '127.0.0.1', port: 1, security: 'starttls' } },
    'its name is unknown': (_, courier) =>
      courier === 'graph'
        ? { graph: 'https://no-such-host.invalid' }
        : { smtp: { host: 'no-such-host.invalid', port: 587, security: 'starttls' } },
  };
  const cases = Object.keys(unreachable).flatMap((what) => couriers.map((courier) => [what, courier] as const));

  test.each(cases)('%s (%s): told once, and corrected at SIGHUP all goes out', async (what, courier) => {
    const right = contosoConfig(simulator);
    const wrong = structuredClone(right);
    Object.assign(wrong.connections.contoso?.cloud as object, unreachable[what]?.(simulator, courier));
    const running = await start(wrong);
    const marks = ['one-', 'two-', 'three-'];
    for (const mark of marks) expect(await send(running.port(), courier, mark)).toMatch(/^250 /);
    const told = await running.line(isPaused, 'the pause');
    expect(told.part).toBe(courier);
    for (const { waiting } of await queueList()) expect(waiting?.kind).toBe('breaker');

    await folder.configure(right);
    running.signal('SIGHUP');
    await Promise.all(marks.map((mark) => arrived(simulator, alice, 'INBOX', mark)));
    await running.line(isOver, 'the end of it');
    expect(running.lines.filter(isPaused)).toHaveLength(1);
    expect(running.lines.filter(({ msg }) => msg.startsWith('deferred'))).toEqual([]);
  });

  test('its certificate is not trusted: told once with the remedy, and goes on once caFile is given', async () => {
    const right = contosoConfig(simulator);
    const wrong = structuredClone(right);
    Object.assign(wrong.connections.contoso?.cloud as object, { caFile: undefined });
    const running = await start(wrong);
    for (const mark of ['one-', 'two-']) expect(await send(running.port(), 'smtp', mark)).toMatch(/^250 /);
    const told = await running.line(isPaused, 'the pause');
    expect([told.level, told.code]).toEqual([50, 'upstream-certificate-untrusted']);
    expect(told.msg).toContain('caFile');
    await folder.configure(right);
    running.signal('SIGHUP');
    await Promise.all(['one-', 'two-'].map((mark) => arrived(simulator, alice, 'INBOX', mark)));
  });
});

async function freeAdmin(): Promise<{ readonly port: number }> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return { port };
}
