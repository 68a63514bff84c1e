import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal } from '../fake-graph.ts';
import { attachment, message, octets } from '../message-with-files.ts';
import { type JsonWorld, jsonWorld, sha256 } from '../send-json-world.ts';

let world: JsonWorld;

beforeEach(async () => {
  world = await jsonWorld();
});

afterEach(() => world.close());

const small = octets(20_000);
const files = message(attachment('small.bin', small));
/** Through a draft, with its file in a separate request. */
const send = () => world.send(files, { maxRequestBytes: 1000 });

describe('A request to send that is slower than its answer', () => {
  const gatewayTimeout = refusal(504, 'GatewayTimeout');

  it('and done before the second one: that is refused, and the message counts as sent', async () => {
    world.drafts.before = (word, count) => {
      if (word !== 'POST messages/N/send') return undefined;
      if (count === 1) return gatewayTimeout;
      world.drafts.sendAll();
      return undefined;
    };
    expect(await send()).toEqual({ id: 'draft-1', status: 202 });
    expect(world.drafts.sent).toHaveLength(1);
    expect(world.drafts.log.slice(-4)).toEqual([
      'POST messages/N/send',
      'GET messages/N',
      'POST messages/N/send',
      'GET messages/N',
    ]);
  });

  it('and done before the second one, without a copy in Sent Items: no draft is there any more', async () => {
    world.drafts.before = (word, count) => {
      if (word !== 'POST messages/N/send') return undefined;
      if (count === 1) return gatewayTimeout;
      world.drafts.drafts.clear();
      return undefined;
    };
    expect(await send()).toEqual({ id: 'draft-1', status: 202 });
  });

  it('and nobody can tell after the second one: the first one may have been carried out', async () => {
    world.drafts.before = (word, count) => {
      if (word === 'GET messages/N' && count > 1) return refusal(403, 'ErrorAccessDenied');
      if (word !== 'POST messages/N/send') return undefined;
      return count === 1 ? gatewayTimeout : refusal(400, 'ErrorInvalidOperation');
    };
    await expect(send()).rejects.toMatchObject({ status: 504 });
    expect(world.drafts.drafts.size).toBe(1);
  });

  it.each([500, 502, 503, 400])('and answered with %i: the message tells that it is sent', async (status) => {
    world.drafts.after = (word) => (word === 'POST messages/N/send' ? refusal(status, 'Whatever') : undefined);
    expect(await send()).toEqual({ id: 'draft-1', status: 202 });
    expect(world.drafts.sent).toHaveLength(1);
    expect(world.drafts.log).not.toContain('DELETE messages/N');
  });
});

describe('A success other than 202', () => {
  it('is one where the message is sent', async () => {
    world.drafts.after = (word) => (word === 'POST messages/N/send' ? { status: 200 } : undefined);
    expect(await send()).toEqual({ id: 'draft-1', status: 202 });
  });

  it('is told where it is not', async () => {
    world.drafts.before = (word) => (word === 'POST messages/N/send' ? { status: 200 } : undefined);
    expect(await send()).toEqual({ id: 'draft-1', status: 200 });
    expect(world.drafts.sent).toEqual([]);
  });
});

describe('A file that is attached, and answered with 503', () => {
  it('is attached twice by the next try: the draft is given up', async () => {
    world.drafts.after = (word, count) =>
      word === 'POST messages/N/attachments' && count === 1 ? refusal(503, 'ServiceUnavailable') : undefined;
    await expect(send()).rejects.toMatchObject({ name: 'GraphUnansweredError', mayBeDone: false });
    expect(world.drafts).toMatchObject({ sent: [], drafts: new Map() });
  });
});

describe('A file of which the answer was lost, beside one that is attached twice', () => {
  it('is not given for that one, though their number is right', async () => {
    world.drafts.before = (word, count) => (word === 'POST messages/N/attachments' && count === 1 ? 'cut' : undefined);
    world.drafts.after = (word, count) =>
      word === 'POST messages/N/attachments' && count === 2 ? refusal(503, 'ServiceUnavailable') : undefined;
    const two = message(attachment('1', small), attachment('2', octets(20_000, 2)));
    await expect(world.send(two, { maxRequestBytes: 1000 })).rejects.toMatchObject({ mayBeDone: false });
    expect(world.drafts).toMatchObject({ sent: [], drafts: new Map() });
  });
});

describe('A change that meets another one', () => {
  const conflict = refusal(412, 'ErrorIrresolvableConflict');

  it.each(['POST messages/N/attachments', 'POST messages/N/send'])('%s is made again', async (met) => {
    world.drafts.before = (word, count) => (word === met && count < 4 ? conflict : undefined);
    expect(await send()).toMatchObject({ status: 202 });
    expect(world.drafts.sent[0]!.attachments.map(({ sha256: digest }) => digest)).toEqual([sha256(small)]);
  });

  it('again and again may be made anew, and no draft stays', async () => {
    world.drafts.before = (word) => (word === 'POST messages/N/attachments' ? conflict : undefined);
    await expect(send()).rejects.toMatchObject({
      name: 'GraphUnansweredError',
      mayBeDone: false,
      cause: { code: 'upstream-connection-lost' },
    });
    expect(world.drafts.log.filter((word) => word === 'POST messages/N/attachments')).toHaveLength(5);
    expect(world.drafts).toMatchObject({ sent: [], drafts: new Map() });
  });
});
