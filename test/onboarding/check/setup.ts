import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { checkConnections, type HopResult } from '../../../src/app/connections/check.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../src/simulator/simulator.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Json = Record<string, unknown>;

/** A set-up as an administrator has it: a tenant, and a configuration to edit. */
export interface Setup {
  readonly simulator: Simulator;
  readonly folder: string;
  /** The configuration, as it will be in its file. */
  readonly config: Writable<Pick<ConfigInput, 'listeners' | 'proxy'>> & {
    connections: Record<'contoso', Json & { cloud: Json }>;
    accounts: Json[];
  };
  /** How far this machine's clock is ahead. */
  clockAheadMs: number;
  /** Writes the configuration. @returns the file's path */
  write(): string;
  /** Runs the check on what would be in the file. */
  check(options?: { sendTestTo?: readonly string[]; name?: string }): Promise<HopResult[]>;
}

/** Every use: sending both ways, reading both ways. */
export const everyUse: Json[] = [
  { username: 'scanner', mailbox: 'reports@contoso.example', send: 'graph' },
  { username: 'erp', mailbox: 'reports@contoso.example', send: 'smtp' },
  { username: 'alice', mailbox: 'alice@contoso.example', read: 'imap' },
  { username: 'bob', mailbox: 'bob@contoso.example', read: 'pop3' },
];

/** A set-up in which everything works. */
export async function workingSetup(options: SimulatorOptions = {}): Promise<Setup> {
  const simulator = await startSimulator(options);
  onTestFinished(() => simulator.close());
  const folder = temporaryFolder();
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  const config: Setup['config'] = {
    listeners: [{ protocol: 'smtp', port: 2525 }],
    connections: {
      contoso: {
        grant: 'client-credentials',
        tenantId: simulator.tenantId,
        clientId: simulator.clientId,
        clientSecret: simulator.clientSecret,
        cloud: { authority, graph, imap, pop3, smtp, caFile },
      },
    },
    accounts: everyUse.map((account) => ({ password: 'ganz-geheim-7', connection: 'contoso', ...account })),
  };
  const setup: Setup = {
    simulator,
    folder,
    config,
    clockAheadMs: 0,
    write() {
      const path = join(folder, 'config.json');
      writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
      return path;
    },
    async check(checkOptions = {}) {
      const loaded = await loadConfig(setup.write(), { env: {} });
      const clock: Clock = {
        now: () => Date.now() + setup.clockAheadMs,
        after: () => () => {},
      };
      const hops: HopResult[] = [];
      for await (const hop of checkConnections(loaded.config, { clock, env: {}, ...checkOptions })) hops.push(hop);
      return hops;
    },
  };
  return setup;
}

/** A hop on one line: how it went, and what it was. */
export function brief({ status, hop, target }: HopResult): string {
  return `${{ ok: '✓', failed: '✗', skipped: '–' }[status]} ${hop} ${target}`.trim();
}

/** The first hop that failed: the one to fix. */
export function firstFailure(hops: readonly HopResult[]): HopResult | undefined {
  return hops.find(({ status }) => status === 'failed');
}
