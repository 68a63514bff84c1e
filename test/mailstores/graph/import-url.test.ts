import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import { loggableError } from '../../../src/base/log.ts';
import type { Fault } from '../../../src/simulator/faults.ts';
import { ImportSessions } from '../../../src/simulator/graph/exchange-items/import-sessions.ts';
import { keptLog } from '../../support/kept-log.ts';
import { GraphWorld, message } from './world.ts';

/** Everything that could reveal something: the failure with its causes, as a log or an inspector prints it. */
function toldBy(failure: unknown, world: GraphWorld): string {
  const { log, lines } = keptLog();
  log.error({ error: failure }, String(failure));
  const { mailbox } = world;
  const seen = [failure, mailbox.imports, mailbox.mail, mailbox];
  return [
    ...seen.map((each) => inspect(each, { depth: 20, showHidden: true, getters: true })),
    ...seen.map(String),
    JSON.stringify(loggableError(failure)),
    JSON.stringify(failure, Object.getOwnPropertyNames(failure ?? {})),
    JSON.stringify(lines),
  ].join('\n');
}

const faults: readonly Partial<Fault>[] = [
  { kind: 'status', status: 400, code: 'ErrorBad' },
  { kind: 'status', status: 401, code: 'InvalidAuthenticationToken' },
  { kind: 'status', status: 429, code: 'TooManyRequests', retryAfterSeconds: 3600 },
  { kind: 'status', status: 507, code: 'ErrorQuotaExceeded' },
  { kind: 'cut-after' },
  { kind: 'cut-reading' },
  { kind: 'cut-answering' },
];

test.each(faults)('the URL that an import goes to is told by no failure of it: $kind $status', async (fault) => {
  const tokens: string[] = [];
  const open = vi.spyOn(ImportSessions.prototype, 'open');
  const world = await GraphWorld.start({}, true);
  world.m365.faults.add({ target: 'graph', at: 'importItem', kind: 'status', ...fault }, 10);
  // It cannot be looked for either: the failure is that of the import.
  world.m365.faults.add({ target: 'graph', at: 'listMessages', kind: 'status', status: 400, code: 'ErrorBad' }, 10);
  const failure: unknown = await world
    .store()
    .append('INBOX', [message('a')])
    .catch((error: unknown) => error);
  for (const { value } of open.mock.results) tokens.push((value as { authToken: string }).authToken);
  open.mockRestore();
  expect(failure).toBeInstanceOf(Error);
  expect(tokens.length).toBeGreaterThan(0);
  const told = toldBy(failure, world);
  for (const token of tokens) expect(told).not.toContain(token);
  expect(told).not.toContain('importItem?');
});
