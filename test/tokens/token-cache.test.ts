import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { openLog } from '../../src/base/log.ts';
import { AccessToken } from '../../src/tokens/access-token.ts';
import { tokenSourceOf } from '../../src/tokens/token-source.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const scopes = { graph: ['g/.default'], exchange: ['e/.default'] };
const minute = 60_000;

/** A grant whose answers the test supplies one by one. */
function heldGrant(clock: FakeClock) {
  const asked: {
    scopes: readonly string[];
    forceRenew: boolean;
    give(value: string, lifetimeMs?: number): void;
    fail(error: Error): void;
  }[] = [];
  return {
    kind: 'held',
    asked,
    acquire(wanted: readonly string[], { forceRenew }: { forceRenew: boolean }) {
      return new Promise<AccessToken>((resolve, reject) => {
        const give = (value: string, lifetimeMs = 60 * minute) =>
          resolve(new AccessToken(value, clock.now() + lifetimeMs));
        asked.push({ scopes: wanted, forceRenew, give, fail: reject });
      });
    },
  };
}

let clock: FakeClock;
let grant: ReturnType<typeof heldGrant>;
let lines: string;
let source: ReturnType<typeof tokenSourceOf>;

beforeEach(async () => {
  clock = new FakeClock();
  grant = heldGrant(clock);
  lines = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines += chunk;
      done();
    },
  });
  const log = openLog({ level: 'trace', format: 'json', destination });
  source = tokenSourceOf({ name: 'contoso', grant, scopes, clock, log });
});

const busy = (details = {}) => new BridgeError('token-temporarily-unavailable', 'busy', { details });

/** Puts a first token into the cache. */
async function first(value = 'one', lifetimeMs?: number) {
  const token = source.getToken('graph');
  grant.asked[0]!.give(value, lifetimeMs);
  return await token;
}

describe('a token', () => {
  test('is asked for once however many want it, and kept', async () => {
    const wanting = Array.from({ length: 50 }, () => source.getToken('graph'));
    expect(grant.asked).toHaveLength(1);
    grant.asked[0]!.give('one');
    expect(new Set((await Promise.all(wanting)).map((token) => token.value))).toEqual(new Set(['one']));
    expect((await source.getToken('graph')).value).toBe('one');
    expect(grant.asked).toHaveLength(1);
  });

  test('for Graph and one for Exchange are two', async () => {
    const wanting = [source.getToken('graph'), source.getToken('exchange')];
    expect(grant.asked.map((each) => each.scopes)).toEqual([scopes.graph, scopes.exchange]);
    grant.asked[1]!.give('e');
    grant.asked[0]!.give('g');
    expect((await Promise.all(wanting)).map((token) => token.value)).toEqual(['g', 'e']);
  });

  test('shows itself in no text, no JSON, no copy and no log', async () => {
    const token = await first('very-secret');
    const shown = [`${token}`, JSON.stringify({ token }), inspect({ token }), JSON.stringify({ ...token }), lines];
    for (const text of shown) expect(text).not.toContain('very-secret');
    expect(lines).toContain('token obtained');
    expect(JSON.parse(JSON.stringify(token))).toEqual({ expiresAt: new Date(token.expiresAtMs).toISOString() });
  });
});

test('an error that nobody foresaw reaches whoever asked, and is remembered like any other', async () => {
  const defect = new TypeError('x is not a function');
  const asked = source.getToken('graph');
  grant.asked[0]!.fail(defect);
  await expect(asked).rejects.toBe(defect);
  await expect(source.getToken('graph')).rejects.toBe(defect);
  expect(grant.asked).toHaveLength(1);
});

describe('renewal', () => {
  test('begins five minutes before expiry, and the old token serves until the new one is there', async () => {
    await first();
    await clock.advance(55 * minute - 1);
    expect((await source.getToken('graph')).value).toBe('one');
    expect(grant.asked).toHaveLength(1);
    await clock.advance(1);
    expect((await source.getToken('graph')).value).toBe('one');
    expect((await source.getToken('graph')).value).toBe('one');
    expect(grant.asked).toHaveLength(2);
    // A token that another process got meanwhile is as good.
    expect(grant.asked[1]!.forceRenew).toBe(false);
    grant.asked[1]!.give('two');
    await settle();
    expect((await source.getToken('graph')).value).toBe('two');
    expect(grant.asked).toHaveLength(2);
  });

  test('of a short-lived token begins at a tenth of its life before expiry', async () => {
    await first('one', 10 * minute);
    await clock.advance(9 * minute - 1);
    await source.getToken('graph');
    expect(grant.asked).toHaveLength(1);
    await clock.advance(1);
    await source.getToken('graph');
    expect(grant.asked).toHaveLength(2);
  });

  test('that fails leaves the old token until it expires, is logged, and is tried again after a pause', async () => {
    await first();
    await clock.advance(56 * minute);
    await source.getToken('graph');
    grant.asked[1]!.fail(busy());
    await settle();
    expect((await source.getToken('graph')).value).toBe('one');
    expect(grant.asked).toHaveLength(2);
    const logged = lines.split('\n').filter((line) => line.includes('cannot renew the token'));
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0]!)).toMatchObject({
      level: 40,
      connection: 'contoso',
      resource: 'graph',
      error: { code: 'token-temporarily-unavailable' },
    });
    await clock.advance(1000);
    expect((await source.getToken('graph')).value).toBe('one');
    expect(grant.asked).toHaveLength(3);
    grant.asked[2]!.fail(busy());
    await clock.advance(4 * minute);
    const late = source.getToken('graph');
    expect(grant.asked).toHaveLength(4);
    grant.asked[3]!.give('two');
    expect((await late).value).toBe('two');
    expect(lines).toContain('token obtained again');
  });

  test('that needs an administrator is logged as an error', async () => {
    await first();
    await clock.advance(56 * minute);
    await source.getToken('graph');
    grant.asked[1]!.fail(new BridgeError('token-refused', 'secret expired'));
    await settle();
    const line = lines.split('\n').find((each) => each.includes('cannot renew the token'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, error: { code: 'token-refused' } });
  });
});

describe('a failure', () => {
  test('goes to all who wait, is remembered for 1, 2, 4 … 60 seconds, and then asked again', async () => {
    for (const [i, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      const wanting = Array.from({ length: 1000 }, () => source.getToken('graph'));
      expect(grant.asked).toHaveLength(i + 1);
      grant.asked[i]?.fail(busy());
      for (const result of await Promise.allSettled(wanting)) expect(result.status).toBe('rejected');
      await clock.advance(seconds * 1000 - 1);
      await expect(source.getToken('graph')).rejects.toThrow('busy');
      expect(grant.asked).toHaveLength(i + 1);
      await clock.advance(1);
    }
  });

  test('is remembered for as long as Microsoft asks', async () => {
    const token = source.getToken('graph');
    grant.asked[0]!.fail(busy({ retryAfterMs: 120_000 }));
    await expect(token).rejects.toThrow('busy');
    await clock.advance(119_999);
    await expect(source.getToken('graph')).rejects.toThrow('busy');
    expect(grant.asked).toHaveLength(1);
    await clock.advance(1);
    void source.getToken('graph');
    expect(grant.asked).toHaveLength(2);
  });

  test('is not remembered longer where the clock is set back', async () => {
    const failed = source.getToken('graph');
    grant.asked[0]!.fail(busy());
    await expect(failed).rejects.toThrow('busy');
    clock.set(-86_400_000);
    expect((await Promise.all([source.getToken('graph'), grant.asked[1]!.give('two')]))[0].value).toBe('two');
  });

  test('is forgotten with the next success', async () => {
    const failing = source.getToken('graph');
    grant.asked[0]!.fail(busy());
    await expect(failing).rejects.toThrow();
    await clock.advance(1000);
    const token = source.getToken('graph');
    grant.asked[1]!.give('one', minute);
    await token;
    await clock.advance(minute);
    const again = source.getToken('graph');
    grant.asked[2]!.fail(busy());
    await expect(again).rejects.toThrow();
    await clock.advance(1000);
    void source.getToken('graph');
    expect(grant.asked).toHaveLength(4);
  });

  test('of one resource leaves the other alone', async () => {
    const graph = source.getToken('graph');
    grant.asked[0]!.fail(busy());
    await expect(graph).rejects.toThrow();
    const exchange = source.getToken('exchange');
    grant.asked[1]!.give('e');
    expect((await exchange).value).toBe('e');
  });
});

describe('a token refused upstream', () => {
  test('is renewed by force, once for all who report it', async () => {
    await first();
    const reports = Array.from({ length: 10 }, () => source.getToken('graph', { refused: 'one' }));
    expect(grant.asked.map((each) => each.forceRenew)).toEqual([false, true]);
    grant.asked[1]!.give('two');
    expect((await Promise.all(reports)).map((token) => token.value)).toEqual(Array(10).fill('two'));
  });

  test('stays in use for others until the new one is there', async () => {
    await first();
    const report = source.getToken('graph', { refused: 'one' });
    expect((await source.getToken('graph')).value).toBe('one');
    grant.asked[1]!.give('two');
    await report;
    expect((await source.getToken('graph')).value).toBe('two');
  });

  test('is not renewed if another one is in the cache by now', async () => {
    await first('two');
    expect((await source.getToken('graph', { refused: 'one' })).value).toBe('two');
    expect(grant.asked).toHaveLength(1);
  });

  test('is renewed every 30 seconds at most; in between it comes back as it is', async () => {
    await first();
    const report = source.getToken('graph', { refused: 'one' });
    grant.asked[1]!.give('two');
    await report;
    await clock.advance(29_999);
    expect((await source.getToken('graph', { refused: 'two' })).value).toBe('two');
    expect(grant.asked).toHaveLength(2);
    await clock.advance(1);
    void source.getToken('graph', { refused: 'two' });
    expect(grant.asked).toHaveLength(3);
  });

  test('whose renewal fails gives that failure to the one who reported it, and the token to the others', async () => {
    await first();
    const report = source.getToken('graph', { refused: 'one' });
    grant.asked[1]!.fail(busy());
    await expect(report).rejects.toThrow('busy');
    expect((await source.getToken('graph')).value).toBe('one');
  });
});
