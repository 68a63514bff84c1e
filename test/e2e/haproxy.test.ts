import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { needLoopbackAddresses, needProgram, runProgram } from '../support/external.ts';
import { Haproxy, haproxyFaults, needHaproxy } from '../support/haproxy.ts';
import { freePorts } from '../support/ports.ts';
import { type LogLine, Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  contosoAccount,
  contosoConfig,
  password,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The address of HAProxy on this machine; its clients have other addresses. */
const balancer = '127.0.0.1';
const office = '127.0.0.2';
const stranger = '127.0.0.3';

const listeners = [
  { protocol: 'smtp', security: 'starttls' },
  { protocol: 'smtp', security: 'tls' },
  { protocol: 'imap', security: 'tls' },
  { protocol: 'pop3', security: 'tls' },
] as const;

const versions = {
  'send-proxy': 'version 1',
  'send-proxy-v2': 'version 2',
  'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority': 'version 2 with a checksum and more',
} as const;
type Option = keyof typeof versions;
const options = Object.keys(versions) as Option[];

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startContoso();
});
afterAll(() => simulator?.close());

interface World {
  readonly bridge: Mailbridge;
  readonly folder: RelayFolder;
  readonly admin: number;
}

async function startBridge(changes: Partial<ConfigInput> = {}): Promise<World> {
  const admin = await freePorts();
  const folder = await relayFolder(
    contosoConfig(simulator, {
      listeners: listeners.map((listener) => ({ ...listener, port: 0, proxyProtocol: { from: [balancer] } })),
      accounts: [
        contosoAccount('smtp', { username: 'scanner', read: 'imap' }),
        { username: 'office', networks: [office], connection: 'contoso', mailbox: reports, send: 'smtp' },
      ],
      admin: { port: admin },
      ...changes,
    }),
  );
  const bridge = await Mailbridge.start(folder.configFile);
  onTestFinished(async () => {
    await bridge.kill();
    await folder.remove();
  });
  return { bridge, folder, admin };
}

/** A frontend for each listener. */
async function balance({ bridge, folder }: World, option: Option): Promise<Haproxy> {
  const fronts = listeners.map(({ protocol, security }, index) => ({
    name: `${protocol}-${security}`,
    lines: [`server bridge 127.0.0.1:${bridge.port(index)} ${option}`],
  }));
  const haproxy = await Haproxy.start(folder.path, fronts);
  onTestFinished(() => haproxy.stop());
  return haproxy;
}

/** curl, which speaks all three protocols, from a chosen address. */
async function curl({ folder }: World, from: string, ...args: string[]) {
  const authority = join(folder.path, 'data', 'tls', 'ca.crt');
  return await runProgram('curl', ['-sS', '--max-time', '20', '--interface', from, '--cacert', authority, ...args]);
}

/** The name in the certificate. */
const name = 'bridge.test';

interface Letter {
  readonly security: 'starttls' | 'tls';
  readonly from: string;
  readonly mark: string;
  readonly login?: readonly string[];
}

async function send(world: World, haproxy: Haproxy, { security, from, mark, login = [] }: Letter) {
  const file = join(world.folder.path, `${mark}.eml`);
  await writeFile(file, `From: ${reports}\r\nTo: ${alice}\r\nSubject: ${mark}\r\n\r\nx\r\n`);
  const port = haproxy.port(`smtp-${security}`);
  const mail = ['--mail-from', reports, '--mail-rcpt', alice, '--upload-file', file, ...login];
  const url = `${security === 'tls' ? 'smtps' : 'smtp'}://${name}:${port}/client.test`;
  return await curl(world, from, '--ssl-reqd', '--resolve', `${name}:${port}:127.0.0.1`, ...mail, url);
}

const ofClient = (lines: readonly LogLine[], client: string) => lines.filter((line) => line.client === client);
const told = (lines: readonly LogLine[]) => lines.filter(({ client }) => client !== undefined);

describe.each(options)('behind HAProxy with %s', (option) => {
  test('networks, logins and the log know the client, with TLS passed through', async (context) => {
    needHaproxy(context);
    needProgram(context, 'curl');
    needLoopbackAddresses(context);
    const world = await startBridge();
    const haproxy = await balance(world, option);
    const mark = `haproxy-${options.indexOf(option)}`;
    for (const security of ['starttls', 'tls'] as const) {
      const known = await send(world, haproxy, { security, from: office, mark: `${mark}-${security}` });
      expect(known.code, known.output).toBe(0);
      const message = await arrived(simulator, alice, 'INBOX', `${mark}-${security}`);
      expect(message.toString('latin1')).toContain(`([${office}])`);
      const unknown = await send(world, haproxy, { security, from: stranger, mark: 'never' });
      expect(unknown.output).toContain('530');
    }
    const login = ['--user', `scanner:${password}`];
    const own = await send(world, haproxy, { security: 'tls', from: stranger, mark: `${mark}-own`, login });
    expect(own.code, own.output).toBe(0);
    for (const protocol of ['imap', 'pop3'] as const) {
      const port = haproxy.port(`${protocol}-tls`);
      const at = ['--resolve', `${name}:${port}:127.0.0.1`, `${protocol}s://${name}:${port}/`];
      const { code, output } = await curl(world, stranger, ...login, ...at);
      expect(code, output).toBe(0);
      await world.bridge.line(({ msg, ...line }) => msg === 'mailbox opened' && line.protocol === protocol, protocol);
    }
    const { lines } = world.bridge;
    expect(ofClient(lines, office).map(({ msg }) => msg)).toEqual(['accepted', 'accepted']);
    const opened = ofClient(lines, stranger).filter(({ msg }) => msg === 'mailbox opened');
    expect(opened.map(({ protocol }) => protocol)).toEqual(['imap', 'pop3']);
    expect(ofClient(lines, balancer)).toEqual([]);
  });
});

test('health checks of every kind leave nothing in the log, and find the bridge well', async (context) => {
  needHaproxy(context);
  const world = await startBridge({ limits: { maxConnectionsPerAddress: 5 } });
  const { bridge, admin } = world;
  const fast = 'check inter 20ms';
  const smtp = `127.0.0.1:${bridge.port(0)}`;
  const fronts = [
    { name: 'bare', lines: [`server bare ${smtp} ${fast}`] },
    { name: 'v1', lines: [`server v1 ${smtp} send-proxy ${fast}`] },
    { name: 'v2', lines: [`server v2 ${smtp} send-proxy-v2 ${fast}`] },
    { name: 'dialogue', lines: ['option smtpchk EHLO balancer.test', `server dialogue ${smtp} send-proxy-v2 ${fast}`] },
    ...listeners.slice(1).map(({ protocol, security }, index) => ({
      name: `${protocol}-${security}`,
      lines: [`server bridge 127.0.0.1:${bridge.port(index + 1)} send-proxy-v2 ${fast}`],
    })),
    {
      name: 'ready',
      lines: ['option httpchk GET /readyz', `server ready ${smtp} send-proxy-v2 ${fast} port ${admin}`],
    },
  ];
  const haproxy = await Haproxy.start(world.folder.path, fronts);
  onTestFinished(() => haproxy.stop());
  const before = bridge.lines.length;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(bridge.lines.slice(before)).toEqual([]);
  expect(told(bridge.lines)).toEqual([]);
  expect(haproxy.output).not.toMatch(/is DOWN/);
});

test('a bridge that stops hands its clients to the other: none of them notices', async (context) => {
  needHaproxy(context);
  needProgram(context, 'curl');
  needLoopbackAddresses(context);
  const shutdown = { drainSeconds: 2, graceSeconds: 5 };
  const worlds = [await startBridge({ shutdown }), await startBridge({ shutdown })] as const;
  const servers = worlds.map(
    ({ bridge, admin }, index) =>
      `server bridge-${index} 127.0.0.1:${bridge.port(0)} send-proxy-v2 check port ${admin} inter 100ms fall 2 rise 2`,
  );
  const front = { name: 'smtp-starttls', lines: ['balance roundrobin', 'option httpchk GET /readyz', ...servers] };
  const haproxy = await Haproxy.start(worlds[0].folder.path, [front]);
  onTestFinished(() => haproxy.stop());
  let ended = false;
  const exit = worlds[0].bridge.exit().finally(() => {
    ended = true;
  });
  const failures: string[] = [];
  let sent = 0;
  const one = async () => {
    // Unencrypted: each bridge has made its own authority.
    const mail = ['--mail-from', reports, '--mail-rcpt', alice, '--upload-file', join(worlds[0].folder.path, 'mail')];
    const { code, output } = await curl(
      worlds[0],
      office,
      ...mail,
      `smtp://127.0.0.1:${haproxy.port('smtp-starttls')}`,
    );
    if (code !== 0) failures.push(output);
    sent++;
  };
  await writeFile(join(worlds[0].folder.path, 'mail'), `From: ${reports}\r\nTo: ${alice}\r\nSubject: x\r\n\r\nx\r\n`);
  for (let count = 0; count < 6; count++) await one();
  for (const { bridge } of worlds) expect(ofClient(bridge.lines, office).length).toBeGreaterThan(0);
  worlds[0].bridge.signal('SIGTERM');
  while (!ended) await one();
  for (let count = 0; count < 6; count++) await one();
  expect(failures).toEqual([]);
  // Some of them while it drained.
  expect(sent).toBeGreaterThan(12);
  expect(await exit).toMatchObject({ code: 0 });
  await until('HAProxy to tell', () => /bridge-0 is DOWN/.test(haproxy.output));
  expect(haproxy.output).toMatch(/bridge-0 is DOWN.*503/);
});

test('the configuration in docs/instances.md is one that HAProxy takes', async (context) => {
  needHaproxy(context);
  const document = await readFile(join(import.meta.dirname, '../../docs/instances.md'), 'utf8');
  const [, snippet = ''] = /```haproxy\n([\s\S]*?)```/.exec(document) ?? [];
  expect(snippet).toContain('send-proxy-v2');
  const file = join(temporaryFolder(), 'haproxy.cfg');
  await writeFile(file, snippet);
  expect(await haproxyFaults(file)).toBe('');
});
