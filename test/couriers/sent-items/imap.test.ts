import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImapSentItems } from '../../../src/couriers/sent-items/imap.ts';
import { markerField } from '../../../src/couriers/sent-items/marker.ts';
import { FakeImap } from '../../support/fake-imap.ts';

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
