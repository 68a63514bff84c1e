import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../src/config/schema.ts';

/** The launcher of these sources: it sets the memory limits of Node.js and glibc. */
export const ownLauncher = fileURLToPath(new URL('../../bin/mailbridge.js', import.meta.url));

export const honestPassword = 'an honest password of some length';

/** Ports of the bridge, by protocol and security. */
export type Ports = Readonly<Record<`${'smtp' | 'imap' | 'pop3'}-${'starttls' | 'tls'}` | 'admin', number>>;

/** The simulator and a bridge with default limits, each in its own process. */
export interface HostileWorld {
  readonly ports: Ports;
  readonly bridgePid: number;
  readonly mailboxes: readonly [string, string];
  /** Resident memory of the bridge, current and peak, in bytes. */
  memory(): { readonly now: number; readonly highest: number };
  /** The bridge's sockets whose remote end has one of these addresses. */
  socketsTo(addresses: readonly string[]): number;
  /** The last lines of the bridge's log, for finding a cause. */
  log(): string;
  close(): Promise<void>;
}

interface SimulatorFacts {
  readonly cloud: ConfigInput['connections'][string]['cloud'];
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly mailboxes: [string, string];
}

/** @param launcher of these sources, or of an installed program */
export async function startHostileWorld(launcher = ownLauncher): Promise<HostileWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-hostile-'));
  const simulator = run(launcher, ['simulate'], folder);
  const facts = await simulator.until((text) =>
    text.trimEnd().endsWith('}') ? (JSON.parse(text) as SimulatorFacts) : undefined,
  );
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(configFor(facts)), { mode: 0o600 });
  const bridge = run(launcher, ['start', '--config', file], folder);
  const lines = await bridge.until((text) => (text.includes('"msg":"ready: ') ? text.trim().split('\n') : undefined));
  const ports = portsOf(lines);
  const pid = bridge.child.pid ?? 0;
  return {
    ports,
    bridgePid: pid,
    mailboxes: facts.mailboxes,
    memory: () => ({ now: statusBytes(pid, 'VmRSS'), highest: statusBytes(pid, 'VmHWM') }),
    socketsTo: (addresses) => socketsTo(Object.values(ports), addresses),
    log: () => bridge.tail(),
    async close() {
      for (const { child } of [bridge, simulator]) child.kill('SIGKILL');
      await Promise.all([bridge.exited, simulator.exited]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configFor({ cloud, tenantId, clientId, clientSecret, mailboxes: [reports, alice] }: SimulatorFacts) {
  const account = { password: honestPassword, connection: 'contoso' };
  const listeners = (['smtp', 'imap', 'pop3'] as const).flatMap((protocol) =>
    (['starttls', 'tls'] as const).map((security) => ({ protocol, security, port: 0 })),
  );
  return {
    dataDir: 'data',
    log: { level: 'info', format: 'json' },
    listeners,
    admin: { port: 0 },
    connections: {
      contoso: { tenantId, clientId, grant: 'client-credentials', clientSecret, ...(cloud && { cloud }) },
    },
    accounts: [
      { ...account, username: 'scanner', mailbox: reports, send: 'graph' },
      { ...account, username: 'reader', mailbox: alice, read: 'imap' },
      { ...account, username: 'popper', mailbox: alice, read: 'pop3' },
    ],
  } satisfies ConfigInput;
}

function portsOf(lines: readonly string[]): Ports {
  const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const ready = entries.find(({ msg }) => msg.startsWith('ready: '));
  const admin = entries.find(({ msg }) => msg.startsWith('admin endpoint listening'));
  const listeners = ready.listeners as { protocol: string; security: string; port: number }[];
  return Object.fromEntries([
    ...listeners.map(({ protocol, security, port }) => [`${protocol}-${security}`, port]),
    ['admin', admin.port],
  ]) as Ports;
}

const tailBytes = 20_000;

function run(launcher: string, args: readonly string[], cwd: string) {
  const child: ChildProcess = spawn(process.execPath, [launcher, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let whole = true;
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    if (!whole) text = text.slice(-tailBytes);
  });
  const exited = once(child, 'exit');
  return {
    child,
    exited,
    tail: () => text,
    /** Waits for something in the output, which is kept in full until then. */
    async until<T>(look: (text: string) => T | undefined): Promise<T> {
      for (;;) {
        const found = look(text);
        if (found !== undefined) {
          whole = false;
          return found;
        }
        if (child.exitCode !== null) throw new Error(`mailbridge ${args[0]} ended: ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

function statusBytes(pid: number, key: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}

/** Linux: proc(5), /proc/net/tcp. Sockets that no process holds any longer have inode 0. */
function socketsTo(ports: readonly number[], addresses: readonly string[]): number {
  const remote = new Set(addresses.map(hexAddress));
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  return rows.filter((row) => {
    const [, local = '', other = '', , , , , , , inode] = row.trim().split(/\s+/);
    const port = Number.parseInt(local.split(':')[1] ?? '', 16);
    return inode !== '0' && ports.includes(port) && remote.has(other.split(':')[0] ?? '');
  }).length;
}

function hexAddress(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return octets.reverse().join('').toUpperCase();
}
