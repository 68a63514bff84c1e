import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import type { SignInStore, SignInStoreOptions } from '../../../src/tokens/sign-ins/store.ts';
import { MemoryRecords } from '../../support/shared-records.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { refusal } from './refusal.ts';
import { app, recordStore, signIn, store } from './samples.ts';

/** A place for one sign-in that any number of stores can share. */
interface Place {
  open(changes?: Partial<SignInStoreOptions>): SignInStore;
}

const kinds: Readonly<Record<string, () => Place>> = {
  'in a file': () => {
    const file = join(temporaryFolder(), 'contoso.signin');
    return { open: (changes) => store(file, changes) };
  },
  'in a record': () => {
    const records = new MemoryRecords();
    return { open: (changes) => recordStore(records, changes) };
  },
};

describe.each(Object.entries(kinds))('a sign-in %s', (_, place) => {
  test('is absent until somebody has signed in', async () => {
    const { open } = place();
    expect(await open().read()).toBeUndefined();
    expect(await open().update(async (current) => ({ result: [current] }))).toEqual([undefined]);
    expect(await open().read()).toBeUndefined();
  });

  test('is what an update gives, for every store of the place', async () => {
    const { open } = place();
    const [one, other] = [open(), open()];
    expect(await other.read()).toBeUndefined();
    const seen = await one.update(async (current) => ({ signIn, result: [current] }));
    expect(seen).toEqual([undefined]);
    expect(await one.read()).toEqual(signIn);
    expect(await other.read()).toEqual(signIn);
  });

  test('is renewed by one store, and another works on with what that has written', async () => {
    const { open } = place();
    const [one, other] = [open(), open()];
    await one.replace(signIn);
    const renewed = { ...signIn, renewedAtMs: 5, msalCache: 'renewed' };
    await one.update(async () => ({ signIn: renewed, result: undefined }));
    expect(await other.update(async (current) => ({ result: current }))).toEqual(renewed);
  });

  test('keeps why Entra ID has ended it, and the next sign-in takes its place', async () => {
    const { open } = place();
    const ended = { atMs: 1, aadsts: 'AADSTS50173', cause: 'The password was changed.' };
    await open().replace({ ...signIn, ended });
    expect(await open().read()).toEqual({ ...signIn, ended });
    await open().replace({ ...signIn, username: 'mia@contoso.com' });
    expect(await open().read()).toEqual({ ...signIn, username: 'mia@contoso.com' });
  });

  test('stays when an update gives nothing, or fails, and the lock is given back', async () => {
    const { open } = place();
    const signIns = open();
    await signIns.replace(signIn);
    expect(await signIns.update(async (current) => ({ result: current?.username }))).toBe('jo@contoso.com');
    const failing = signIns.update(() => Promise.reject(new Error('Entra ID is down')));
    await expect(failing).rejects.toThrow('Entra ID is down');
    expect(await signIns.read()).toEqual(signIn);
    const other = open({ lockTimeoutMs: 1_000 });
    await other.replace({ ...signIn, username: 'mia@contoso.com' });
    expect((await signIns.read())?.username).toBe('mia@contoso.com');
  });

  test('is the same however the app registration is spelt', async () => {
    const { open } = place();
    await open().replace(signIn);
    const spelt = { authority: `${app.authority}/`, tenantId: 'Contoso.onMicrosoft.com', clientId: app.clientId };
    expect(await open({ app: spelt }).read()).toEqual(signIn);
  });

  test('is forgotten, once and again, and may be made anew', async () => {
    const { open } = place();
    await open().remove();
    await open().replace(signIn);
    await open().remove();
    await open().remove();
    expect(await open().read()).toBeUndefined();
    expect(await open().update(async (current) => ({ signIn, result: current }))).toBeUndefined();
    expect(await open().read()).toEqual(signIn);
  });

  test('loses no update of many at the same time, through one store or several', async () => {
    const { open } = place();
    const stores = [open(), open(), open()];
    const addOne = (signIns: SignInStore) =>
      signIns.update(async (current = signIn) => {
        await new Promise((resolve) => setImmediate(resolve));
        return { signIn: { ...current, renewedAtMs: current.renewedAtMs + 1 }, result: undefined };
      });
    await Promise.all(Array.from({ length: 12 }, (_, index) => addOne(stores[index % 3]!)));
    expect((await stores[0]!.read())?.renewedAtMs).toBe(12);
  });

  test('is changed by one at a time: who waits too long is told that another has it, and who reads does not wait', async () => {
    const { open } = place();
    await open().replace(signIn);
    const working = Promise.withResolvers<void>();
    const holder = open().update(async () => {
      await working.promise;
      return { result: 'done' };
    });
    const error = await refusal(open({ lockTimeoutMs: 50 }).replace(signIn));
    expect(error).toMatchObject({ code: 'sign-in-file-locked', kind: 'temporary' });
    expect(await open().read()).toEqual(signIn);
    const waiting = open().update(async (current) => ({ result: current?.username }));
    working.resolve();
    expect([await holder, await waiting]).toEqual(['done', 'jo@contoso.com']);
  });

  test.each<[string, string, Partial<SignInStoreOptions>]>([
    ['with another key', 'sign-in-file-key-wrong', { key: async () => Buffer.alloc(32, 8) }],
    [
      'of another app registration',
      'sign-in-file-other-app',
      { app: { ...app, clientId: '99999999-2222-3333-4444-555555555555' } },
    ],
    ['of another tenant', 'sign-in-file-other-app', { app: { ...app, tenantId: 'fabrikam.com' } }],
  ])('is refused to who comes %s, left as it is, and makes way for a new one', async (_who, code, changes) => {
    const { open } = place();
    await open().replace(signIn);
    const signIns = open(changes);
    const error = await refusal(signIns.read());
    expect(error).toMatchObject({ code, kind: 'needs-admin', details: { connection: 'contoso' } });
    expect(error.remedy).toContain('"mailbridge login');
    let changed = false;
    const update = signIns.update(async () => {
      changed = true;
      return { signIn, result: undefined };
    });
    expect((await refusal(update)).code).toBe(code);
    expect(changed).toBe(false);
    expect(await open().read()).toEqual(signIn);
    await signIns.replace({ ...signIn, username: 'new@contoso.com' });
    expect((await signIns.read())?.username).toBe('new@contoso.com');
    expect((await refusal(open().read())).code).toBe(code);
  });

  test('waits for its key no longer than the key fails', async () => {
    const { open } = place();
    await open().replace(signIn);
    const failing = open({ key: () => Promise.reject(new BridgeError('token-key-unusable', 'No key.')) });
    expect((await refusal(failing.read())).code).toBe('token-key-unusable');
    expect(await open({ lockTimeoutMs: 1_000 }).update(async () => ({ result: 1 }))).toBe(1);
  });
});
