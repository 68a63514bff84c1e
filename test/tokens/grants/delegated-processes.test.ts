import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openLog } from '../../../src/base/log.ts';
import { signInByDeviceCode } from '../../../src/tokens/grants/device-code.ts';
import { openSignInFile } from '../../../src/tokens/sign-ins/file-store.ts';
import { openSignInRecord } from '../../../src/tokens/sign-ins/record-store.ts';
import { storeSignIn } from '../../../src/tokens/sign-ins/user-sign-in.ts';
import { FileRecords } from '../../support/shared-records.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type PeopleWorld, scopes, startPeopleWorld } from '../people-world.ts';
import type { GrantProcessOrder } from './delegated-process.ts';

const program = join(import.meta.dirname, 'delegated-process.ts');
const key = Buffer.alloc(32, 7);

let world: PeopleWorld;

beforeEach(async () => {
  world = await startPeopleWorld();
  world.people.singleUse = true;
});

afterEach(async () => await world.close());

async function signIn(inRecord: boolean) {
  const { authority, tenantId, clientId } = world.options;
  const app = { authority, tenantId, clientId };
  const file = join(temporaryFolder(), 'contoso.sign-in');
  const log = openLog({ level: 'silent', format: 'json' });
  const shared = { connection: 'contoso', app, key: async () => key, clock: world.clock, log };
  const store = inRecord
    ? openSignInRecord({ ...shared, records: records(file) })
    : openSignInFile({ ...shared, file });
  // Too short a lifetime to be reused: every caller has to renew.
  world.entra.lifetime = 60;
  const signedIn = await signInByDeviceCode({ ...world.options, scopes: scopes.exchange, onCode() {} });
  await storeSignIn(store, world.options, signedIn, 'exchange');
  world.entra.lifetime = 3599;
  return { store, app, file };
}

function records(file: string): FileRecords {
  const opened = new FileRecords(file);
  onTestFinished(() => opened.close());
  return opened;
}

/** Starts processes, releases them all at once, and returns the tokens that each got. */
async function race(count: number, order: GrantProcessOrder): Promise<string[][]> {
  const racers = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
    return {
      child,
      lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
      ended: once(child, 'close'),
    };
  });
  for (const { lines } of racers) expect((await lines.next()).value).toBe('ready');
  for (const { child } of racers) child.stdin.end('go\n');
  const tokens = [];
  for (const { lines } of racers) tokens.push(JSON.parse((await lines.next()).value ?? '[]'));
  for (const { ended } of racers) expect(await ended).toEqual([0, null]);
  return tokens;
}

const refreshTokens = () =>
  world.entra.posts.filter((form) => form.has('refresh_token')).map((form) => form.get('refresh_token'));

describe.each([
  ['file', false],
  ['record', true],
])('processes that share a sign-in in a %s', (_, inRecord) => {
  test('and want a token at once ask for it once', async () => {
    const { app, file } = await signIn(inRecord);
    const order = { app, ca: world.entra.ca, file, inRecord, key: key.toString('base64'), scopes: scopes.exchange };
    const tokens = await race(3, { ...order, forceRenew: false, times: 2 });
    expect(new Set(tokens.flat())).toEqual(new Set([world.entra.tokens[1]]));
    expect(refreshTokens()).toHaveLength(1);
  });

  test('and renew by force lose no refresh token, though each works but once', async () => {
    const { app, file, store } = await signIn(inRecord);
    const order = { app, ca: world.entra.ca, file, inRecord, key: key.toString('base64'), scopes: scopes.exchange };
    const tokens = await race(3, { ...order, forceRenew: true, times: 4 });
    expect(new Set(tokens.flat()).size).toBe(12);
    expect(new Set(refreshTokens()).size).toBe(12);
    const signedIn = await store.read();
    expect(signedIn!.ended).toBeUndefined();
    expect(signedIn!.msalCache).toContain(world.people.secrets.at(-1));
  });
});
