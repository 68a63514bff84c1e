import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogTail } from '../../admin/api/log/log-tail.ts';
import { type Bridge, startBridge } from '../../app/bridge.ts';
import { loadConfig } from '../../config/load.ts';
import type { ConfigInput } from '../../config/schema.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { numberOption, readArguments } from '../arguments.ts';
import { openSimulator } from '../simulate.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { DemoHops } from './hops.ts';
import { tellDemoSettings } from './settings.ts';
import { type DemoPorts, demoPassword, sendAndReadBack } from './walk.ts';

const usage = `Usage: mailbridge demo [--once] [--port-base N]

Runs a simulated Microsoft 365 and a bridge in front of it, sends a message through Graph and one through Exchange
SMTP, and reads them back over IMAP and POP3, showing each hop; then two as the two mailboxes of one account. Then
it keeps running for your own mail programs, with the pages for administrators.

  --once         exits after the messages: 0, or 1 with the hop that failed
  --port-base N  the simulator uses ports N to N+5, the bridge N+10 (SMTP), N+11 (IMAP), N+12 (POP3)
                 and N+13 (pages); without it 2525, 1143, 1110 and 8025 if they are free, otherwise any free ports

Example: mailbridge demo --once
`;

/** `mailbridge demo` */
export async function runDemo(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('demo', {
    args,
    options: { once: { type: 'boolean' }, 'port-base': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return showHelp(io, usage);
  const base = values['port-base'] === undefined ? 0 : numberOption('port-base', values['port-base'], 1, 65_000);
  const folder = await mkdtemp(join(tmpdir(), 'mailbridge-demo-'));
  const ended = new Promise<number>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(0));
  });
  const hops = new DemoHops(io);
  try {
    const simulator = await hops.step('Microsoft 365, simulated: Entra ID, Graph, Exchange Online', () =>
      openSimulator(base),
    );
    try {
      return await demonstrate(simulator, { base, folder, once: values.once ?? false, hops, ended, io });
    } finally {
      await simulator.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Demo {
  readonly base: number;
  readonly folder: string;
  readonly once: boolean;
  readonly hops: DemoHops;
  readonly ended: Promise<number>;
  readonly io: CliIo;
}

async function demonstrate(simulator: Simulator, { base, folder, once, hops, ended, io }: Demo): Promise<number> {
  const file = join(folder, 'config.json');
  const written = await demoConfig(simulator, base, once);
  await writeFile(file, JSON.stringify(written, null, 2), { mode: 0o600 });
  const { config } = await loadConfig(file, { env: {} });
  const logTail = new LogTail();
  const log = hops.log((line) => logTail.add(line));
  const bridge = await hops.step('mailbridge', () => startBridge(config, { log, logTail }));
  try {
    const ports = portsOf(bridge);
    const failed = await sendAndReadBack(hops, ports, bridge.authorityFile ?? '', simulator.mailboxes);
    if (failed !== undefined) {
      new Screen(io.stderr, io.env).say(`mailbridge: the demo failed at: ${failed}`, { hanging: 2 });
      return 1;
    }
    if (once) {
      new Screen(io.stdout, io.env).say('Everything worked. Nothing of it is left on this machine.');
      return 0;
    }
    const pages = `http://127.0.0.1:${written.admin.port}/ui/#token=${written.admin.token}`;
    const settings = { ports, authorityFile: bridge.authorityFile ?? '', configFile: file, simulator, pages };
    tellDemoSettings(settings, new Screen(io.stdout, io.env));
    hops.tellVisits();
    return await ended;
  } finally {
    await bridge.stop();
  }
}

/** A configuration as an administrator would write it, for the simulated tenant. */
async function demoConfig(simulator: Simulator, base: number, once: boolean) {
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  const [reports = '', alice = '', bob = ''] = simulator.mailboxes;
  const port = (offset: number, standard: number) => (base > 0 ? base + 10 + offset : once ? 0 : freePort(standard));
  const account = { password: demoPassword, connection: 'demo' };
  return {
    instance: 'demo',
    dataDir: 'data',
    log: { level: 'info', format: 'json' },
    listeners: [
      { protocol: 'smtp', port: await port(0, 2525) },
      { protocol: 'imap', port: await port(1, 1143) },
      { protocol: 'pop3', port: await port(2, 1110) },
    ],
    connections: {
      demo: {
        tenantId: simulator.tenantId,
        clientId: simulator.clientId,
        grant: 'client-credentials',
        clientSecret: simulator.clientSecret,
        cloud: { authority, graph, imap, pop3, smtp, caFile },
      },
    },
    accounts: [
      { ...account, username: 'scanner', mailbox: reports, send: 'graph' },
      { ...account, username: 'erp', mailbox: reports, send: 'smtp' },
      { ...account, username: 'alice', mailbox: alice, read: 'imap', send: 'graph' },
      { ...account, username: 'alice-pop3', mailbox: alice, read: 'pop3', send: 'smtp' },
      { ...account, username: 'demo', mailboxes: [reports, bob], read: 'imap', send: 'graph' },
    ],
    limits: { messagesPerMinute: 30 },
    admin: { port: (await port(3, 8025)) || (await freePort(0)), token: randomBytes(24).toString('base64url') },
    shutdown: { graceSeconds: 2 },
  } satisfies ConfigInput;
}

/** The port, if it is free; otherwise 0, for any free one. For 0: a free port. */
function freePort(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve(found));
    });
  });
}

function portsOf(bridge: Bridge): DemoPorts {
  const port = (protocol: string) => bridge.listeners.find((each) => each.protocol === protocol)?.port ?? 0;
  return { smtp: port('smtp'), imap: port('imap'), pop3: port('pop3') };
}
