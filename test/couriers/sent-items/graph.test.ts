import { afterEach, describe, expect, it } from 'vitest';
import { GraphSentItems } from '../../../src/couriers/sent-items/graph.ts';
import { GraphClient } from '../../../src/graph/client/client.ts';
import { type Answer, type FakeGraph, fakeGraph, refusal } from '../../graph/fake-graph.ts';
import { retry } from '../../graph/send-json-world.ts';

let server: FakeGraph;

afterEach(() => server.close());

/** What is found where the list and the MIME of its messages are these. */
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
