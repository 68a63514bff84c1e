import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImapSentItems } from '../../../src/couriers/sent-items/imap.ts';
import { markerField } from '../../../src/couriers/sent-items/marker.ts';
import { FakeImap } from '../../support/fake-imap.ts';
import { ownCopy, remove, strangersLike } from './removal.ts';

let exchange: FakeImap;

beforeEach(async () => {
  exchange = await FakeImap.start();
  exchange.messages.set(4, `${markerField}: abc\r\n\r\n`);
  exchange.messages.set(9, `${markerField}: def\r\n\r\n`);
});

afterEach(() => exchange.close());

function find(signal = AbortSignal.timeout(10_000)): Promise<readonly string[] | undefined> {
  const items = new ImapSentItems({ endpoint: exchange.endpoint, getToken: async () => 'good' });
  return items.find({ mailbox: 'alice@contoso.example', messageId: '<1@contoso.example>' }, signal);
}

describe('sent mail looked at by IMAP', () => {
  it('has the markers of all copies, whatever the server tells unasked', async () => {
    exchange.unasked = '* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 9 FLAGS ())\r\n';
    expect(await find()).toEqual(['abc', 'def']);
  });

  it('passes over a copy that somebody removes meanwhile', async () => {
    exchange.vanished.add(4);
    expect(await find()).toEqual(['def']);
  });

  it('has not been looked at where the search fails: the message must not be sent again', async () => {
    exchange.stage = ({ text }) =>
      text.includes('SEARCH') ? { untagged: '', tagged: 'NO [UNAVAILABLE] not now' } : undefined;
    await expect(find()).rejects.toThrow('Searching the sent mail of alice@contoso.example failed.');
  });

  it.each(['SEARCH', 'UID FETCH'])('has not been looked at where the connection ends at %s', async (at) => {
    exchange.stage = ({ text, socket }) => {
      if (!text.includes(at)) return undefined;
      socket.destroy();
      return 'silence';
    };
    await expect(find()).rejects.toThrow();
  });

  it.each(['AUTHENTICATE', 'SEARCH'])(
    'is left at once where the attempt ends while the server is silent at %s',
    async (at) => {
      const attempt = new AbortController();
      exchange.stage = ({ text }) => {
        if (!text.includes(at)) return undefined;
        attempt.abort();
        return 'silence';
      };
      await expect(find(attempt.signal)).rejects.toThrow();
      await expect.poll(() => exchange.sockets.size).toBe(0);
    },
  );
});

describe('copies removed by IMAP', () => {
  const items = () => new ImapSentItems({ endpoint: exchange.endpoint, getToken: async () => 'good' });
  const changes = () => exchange.received.filter((text) => /STORE|EXPUNGE/.test(text));

  beforeEach(() => {
    exchange.messages.clear();
    for (const [at, content] of [ownCopy('m1'), ...strangersLike('m1'), ownCopy('m2')].entries()) {
      exchange.messages.set(at + 1, content);
    }
  });

  it('are expunged one by one, whatever the server tells unasked', async () => {
    exchange.unasked = '* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 8 FLAGS ())\r\n';
    expect(await remove(items(), ['m1', 'm2'])).toEqual({ permitted: true, removed: { m1: 1, m2: 1 } });
    expect([...exchange.messages.keys()]).toEqual([2, 3, 4, 5, 6, 7]);
    expect(changes().at(-1)).toMatch(/^UID EXPUNGE 1,8$/);
  });

  it('stay where the server cannot expunge single messages: others would go too', async () => {
    exchange.capabilities = 'IMAP4rev1 SASL-IR AUTH=XOAUTH2';
    expect(await remove(items(), ['m1'])).toEqual({ permitted: false, removed: {} });
    expect(changes()).toEqual([]);
  });

  it('stay where the folder is open for reading alone', async () => {
    exchange.stage = ({ text }) => (text.startsWith('SELECT') ? { tagged: 'OK [READ-ONLY] look only' } : undefined);
    expect(await remove(items(), ['m1'])).toEqual({ permitted: false, removed: {} });
    expect(changes()).toEqual([]);
  });

  it('stay where the token opens nothing', async () => {
    exchange.stage = ({ text }) =>
      text.startsWith('AUTHENTICATE') ? { tagged: 'NO AUTHENTICATE failed.' } : undefined;
    expect(await remove(items(), ['m1'])).toEqual({ permitted: false, removed: {} });
  });

  it('are looked for one by one by a server that takes no more', async () => {
    exchange.stage = ({ text }) =>
      / OR /.test(text) ? { untagged: '', tagged: 'BAD Too many conditions' } : undefined;
    expect((await remove(items(), ['m1', 'm2'])).removed).toEqual({ m1: 1, m2: 1 });
  });

  it.each(['SEARCH', 'UID FETCH', 'STORE', 'UID EXPUNGE'])('are not said to be gone where %s fails', async (at) => {
    exchange.stage = ({ text }) =>
      text.includes(at) ? { untagged: '', tagged: 'NO [UNAVAILABLE] not now' } : undefined;
    await expect(remove(items(), ['m1'])).rejects.toThrow();
    expect(exchange.messages.size).toBe(8);
  });

  it.each(['SEARCH', 'STORE', 'UID EXPUNGE'])('are not said to be gone where the connection ends at %s', async (at) => {
    exchange.stage = ({ text, socket }) => {
      if (!text.includes(at)) return undefined;
      socket.destroy();
      return 'silence';
    };
    await expect(remove(items(), ['m1'])).rejects.toThrow();
  });

  it('are left alone as soon as they may not go any more', async () => {
    expect(await remove(items(), ['m1', 'm2'], { mayGo: (id) => id === 'm2' })).toEqual({
      permitted: true,
      removed: { m2: 1 },
    });
    expect(exchange.messages.has(1)).toBe(true);
  });
});
