import { afterEach, describe, expect, it } from 'vitest';
import { GraphSentItems } from '../../../src/couriers/sent-items/graph.ts';
import { GraphClient } from '../../../src/graph/client/client.ts';
import { type Answer, type FakeGraph, fakeGraph, refusal } from '../../graph/fake-graph.ts';
import { retry } from '../../graph/send-json-world.ts';
import { ownCopy, remove, strangersLike } from './removal.ts';

let server: FakeGraph;

afterEach(() => server.close());

/** What is found if the list and the MIME of its messages are these. */
async function find(listed: readonly object[], mime: Answer) {
  server = await fakeGraph((_, { url }) => (url.endsWith('/$value') ? mime : { status: 200, body: { value: listed } }));
  const client = new GraphClient({ http: server.http, origin: server.origin, getToken: async () => 'token-1', retry });
  const { signal } = new AbortController();
  return new GraphSentItems(client).find({ mailbox: 'a@contoso.com', messageId: '<1@x>' }, signal);
}

const requests = () => server.arrived.map(({ url }) => url.replace(/\?.*/, ''));
const list = '/v1.0/users/a%40contoso.com/mailFolders/sentitems/messages';
const mime = (body: string): Answer => ({ status: 200, headers: { 'content-type': 'text/plain' }, body });

describe('The marker of a sent message', () => {
  it('is taken from the list where that has it', async () => {
    const internetMessageHeaders = [{ name: 'x-mailbridge-id', value: 'q1.a' }];
    expect(await find([{ id: 'one', internetMessageHeaders }], mime(''))).toEqual(['q1.a']);
    expect(requests()).toEqual([list]);
  });

  it.each([
    ['tells no header fields', {}],
    ['tells others alone', { internetMessageHeaders: [{ name: 'X-Other', value: 'x' }] }],
  ])('is looked for in the MIME where the list %s', async (_, more) => {
    const large = `Subject: x\r\nX-Mailbridge-Id: q1.a\r\n\r\n${'x'.repeat(6_000_000)}`;
    expect(await find([{ id: 'one', ...more }], mime(large))).toEqual(['q1.a']);
    expect(requests()).toEqual([list, '/v1.0/users/a%40contoso.com/messages/one/$value']);
    expect(server.arrived[1]!.headers.accept).toBe('*/*');
  });

  it('is not that of a message of which another program says so in its text', async () => {
    expect(await find([{ id: 'one' }], mime('Subject: x\r\n\r\nX-Mailbridge-Id: q1.a\r\n'))).toEqual([]);
  });

  it('cannot be looked for without permission; a failure is told', async () => {
    expect(await find([{ id: 'one' }], refusal(403, 'ErrorAccessDenied'))).toBeUndefined();
    await server.close();
    await expect(find([{ id: 'one' }], refusal(500, 'InternalServerError'))).rejects.toMatchObject({ status: 500 });
  });
});

describe('Copies removed by Graph', () => {
  const itemGone = refusal(404, 'ErrorItemNotFound');
  const done: Answer = { status: 204 };

  /** A mailbox with these messages in Sent Items; the id of each is its index. */
  async function sentItems(messages: readonly string[], stage: (method: string, path: string) => Answer | undefined) {
    const there = new Map(messages.map((content, at) => [`id${at}`, content]));
    server = await fakeGraph((_, { method, url }) => {
      const path = url.replace(/\?.*/, '');
      const staged = stage(method, path);
      if (staged) return staged;
      if (method === 'GET' && path.endsWith('/sentitems/messages')) {
        const wanted = new URL(url, server.origin).searchParams.get('$filter')?.slice(22, -1);
        const ids = [...there]
          .filter(([, content]) => content.includes(`Message-ID: ${wanted}\r\n`))
          .map(([id]) => ({ id }));
        return { status: 200, body: { value: ids } };
      }
      const [, id = '', action] = /\/messages\/(\w+)(?:\/([\w$]+))?$/.exec(path) ?? [];
      if (!there.has(id)) return itemGone;
      if (action === '$value') return mime(there.get(id) ?? '');
      if (action === 'permanentDelete' || method === 'DELETE') there.delete(id);
      return done;
    });
    const client = new GraphClient({
      http: server.http,
      origin: server.origin,
      getToken: async () => 'token-1',
      retry,
    });
    return { items: new GraphSentItems(client), there };
  }

  const changes = () =>
    server.arrived
      .filter(({ method }) => method !== 'GET')
      .map(({ method, url }) => `${method} ${url.split('/messages/')[1]}`);

  it('are those of the messages and no others', async () => {
    const { items, there } = await sentItems(
      [ownCopy('m1'), ...strangersLike('m1'), ownCopy('m1'), ownCopy('m2')],
      () => undefined,
    );
    expect(await remove(items, ['m1', 'gone'])).toEqual({ permitted: true, removed: { m1: 2, gone: 0 } });
    expect(changes()).toEqual(['POST id0/permanentDelete', 'POST id7/permanentDelete']);
    expect(there.size).toBe(7);
    expect(server.arrived.every(({ headers }) => headers.prefer === 'IdType="ImmutableId"')).toBe(true);
  });

  it.each([
    [405, 'Request_BadRequest'],
    [501, 'NotImplemented'],
    [404, 'ResourceNotFound'],
    [400, 'BadRequest'],
  ])(
    'are deleted in the usual way where permanentDelete is unknown (%i %s), from Deleted Items too',
    async (status, code) => {
      const trash = new Set<string>();
      const { items } = await sentItems([ownCopy('m1'), ownCopy('m2')], (method, path) => {
        if (path.endsWith('/permanentDelete')) return refusal(status, code);
        if (method !== 'DELETE' || trash.has(path)) return undefined;
        trash.add(path);
        return done;
      });
      expect((await remove(items, ['m1', 'm2'])).removed).toEqual({ m1: 1, m2: 1 });
      // What this cloud does not support is tried only once.
      expect(changes()).toEqual(['POST id0/permanentDelete', 'DELETE id0', 'DELETE id0', 'DELETE id1', 'DELETE id1']);
    },
  );

  it('are gone where somebody was quicker', async () => {
    const { items } = await sentItems([ownCopy('m1'), ownCopy('m2')], (_, path) =>
      path.endsWith('id0/permanentDelete') ? itemGone : undefined,
    );
    expect((await remove(items, ['m1', 'm2'])).removed).toEqual({ m1: 1, m2: 1 });
    expect(changes()).toEqual(['POST id0/permanentDelete', 'POST id1/permanentDelete']);
  });

  it('stay where the app may only read; a failure is told, and what went before it is done', async () => {
    const { items } = await sentItems([ownCopy('m1')], (method) =>
      method === 'POST' ? refusal(403, 'ErrorAccessDenied') : undefined,
    );
    expect(await remove(items, ['m1'])).toEqual({ permitted: false, removed: {} });
    await server.close();
    const failing = await sentItems([ownCopy('m1'), ownCopy('m2')], (_, path) =>
      path.endsWith('id1/permanentDelete') ? refusal(500, 'ErrorInternalServerError') : undefined,
    );
    await expect(remove(failing.items, ['m1', 'm2'])).rejects.toMatchObject({ status: 500 });
    expect([...failing.there.keys()]).toEqual(['id1']);
  });

  it('are left alone as soon as they may not go any more', async () => {
    const { items } = await sentItems([ownCopy('m1'), ownCopy('m2')], () => undefined);
    expect((await remove(items, ['m1', 'm2'], { mayGo: (id) => id === 'm2' })).removed).toEqual({ m2: 1 });
    expect(changes()).toEqual(['POST id1/permanentDelete']);
  });
});
