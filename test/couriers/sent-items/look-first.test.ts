import { describe, expect, it } from 'vitest';
import { type LookFirstOptions, lookFirst } from '../../../src/couriers/sent-items/look-first.ts';
import { AllSentItems, PermittedSentItems, type SentItems } from '../../../src/couriers/sent-items/sent-items.ts';
import type { AmbiguousAttempt, OutgoingMessage } from '../../../src/message/delivery.ts';
import type { Courier } from '../../../src/queue/courier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { copyNotes, marker, outgoing, patience } from '../outgoing.ts';

const content = 'From: reports@contoso.com\r\nMessage-ID: <1@contoso.com>\r\n\r\nHello.\r\n';
const settleMs = 60_000;

function sentItems(answer: readonly string[] | undefined | Error) {
  const asked: string[] = [];
  const items: SentItems = {
    async find({ messageId }) {
      asked.push(messageId);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    remove: async () => false,
  };
  return { items, asked };
}

/** A courier that delivers everything, and looks first. */
function courierWith(
  answer: readonly string[] | undefined | Error,
  { deliver, ...options }: Partial<LookFirstOptions & Courier> = {},
) {
  const clock = new FakeClock();
  const sent: string[][] = [];
  const { items, asked } = sentItems(answer);
  const wrap = lookFirst({
    kind: 'graph',
    sentItems: new AllSentItems(
      items,
      async (mailbox) => mailbox,
      () => ['mailbox'],
    ),
    marker,
    copies: copyNotes(),
    onAmbiguity: 'resend',
    clock,
    settleMs,
    ...options,
  });
  const delivers: Courier['deliver'] = async (message) => {
    const addresses = message.envelope.recipients.map(({ address }) => address);
    expect(message.ambiguous).toBeUndefined();
    sent.push(addresses);
    const verdict = { outcome: 'delivered', code: '202', text: '202 Accepted' } as const;
    return { recipients: addresses.map((address) => ({ address, ...verdict })) };
  };
  const courier = wrap({ deliver: deliver ?? delivers });
  return { courier, clock, sent, asked };
}

function ambiguousMessage(
  clock: FakeClock,
  recipients: string[],
  addresses: string[],
  overSinceMs: number,
): OutgoingMessage {
  return { ...outgoing(content, { recipients }), ambiguous: { addresses, overAtMs: clock.now() - overSinceMs } };
}

const markerOf = (...addresses: string[]) =>
  marker.of(
    'm1',
    addresses.map((address) => ({ address })),
  );

describe('A message that was never ambiguous', () => {
  it('is sent, and nobody looks', async () => {
    const { courier, sent, asked } = courierWith([]);
    await courier.deliver(outgoing(content), patience);
    expect(sent).toEqual([['a@fabrikam.com']]);
    expect(asked).toEqual([]);
  });
});

describe('An ambiguous message', () => {
  it('whose copy is there is delivered already', async () => {
    const { courier, clock, sent, asked } = courierWith([markerOf('a@x.example', 'b@x.example')]);
    const both = ['a@x.example', 'b@x.example'];
    const report = await courier.deliver(ambiguousMessage(clock, both, both, 0), patience);
    expect(report.recipients.map(({ outcome, code }) => `${outcome} ${code}`)).toEqual([
      'delivered found-in-sent-items',
      'delivered found-in-sent-items',
    ]);
    expect(sent).toEqual([]);
    expect(asked).toEqual(['<1@contoso.com>']);
  });

  it('whose copy is not there yet waits, and is looked for again', async () => {
    const { courier, clock, sent } = courierWith([]);
    const report = await courier.deliver(
      ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], settleMs - 1),
      patience,
    );
    expect(report).toMatchObject({
      recipients: [{ outcome: 'temporary', code: 'upstream-ambiguous' }],
      retryAfterMs: settleMs / 4,
    });
    expect(sent).toEqual([]);
  });

  it('whose copy will not come any more is sent', async () => {
    const { courier, clock, sent } = courierWith([]);
    const report = await courier.deliver(ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], settleMs), patience);
    expect(report.recipients).toMatchObject([{ outcome: 'delivered', code: '202' }]);
    expect(sent).toEqual([['a@x.example']]);
  });

  it('is not taken for another one with its Message-ID, nor for itself to others', async () => {
    const other = marker.of('m2', [{ address: 'a@x.example' }]);
    const { courier, clock, sent } = courierWith([other, markerOf('c@x.example'), 'nonsense', '']);
    await courier.deliver(ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], settleMs), patience);
    expect(sent).toEqual([['a@x.example']]);
  });

  it('for some of its recipients is sent to the others meanwhile', async () => {
    const { courier, clock, sent } = courierWith([markerOf('a@x.example')]);
    const message = ambiguousMessage(clock, ['a@x.example', 'b@x.example'], ['a@x.example'], 0);
    const report = await courier.deliver(message, patience);
    expect(report.recipients).toMatchObject([{ code: 'found-in-sent-items' }, { code: '202' }]);
    expect(sent).toEqual([['b@x.example']]);
  });

  it('that went out in several transactions is sent to those whose copy is missing', async () => {
    const recipients = Array.from({ length: 250 }, (_, n) => `u${n}@x.example`);
    const { courier, clock, sent } = courierWith([markerOf(...recipients.slice(0, 200))]);
    await courier.deliver(ambiguousMessage(clock, recipients, recipients, settleMs), patience);
    expect(sent).toEqual([recipients.slice(200)]);
  });

  it('is recognized by a copy that was for some of its recipients alone, where that was noted', async () => {
    const copies = copyNotes();
    const [a, b, c] = ['a@x.example', 'b@x.example', 'c@x.example'];
    await copies.note('m1', [{ address: a }, { address: c }]);
    const { courier, clock, sent } = courierWith([markerOf(a, c)], { copies });
    const report = await courier.deliver(ambiguousMessage(clock, [a, b, c], [a, b, c], settleMs), patience);
    expect(report.recipients.map(({ code }) => code)).toEqual(['found-in-sent-items', '202', 'found-in-sent-items']);
    expect(sent).toEqual([[b]]);
  });

  it('of which a part has been sent meanwhile is recognized by both copies, whatever is ambiguous then', async () => {
    const copies = copyNotes();
    const [a, b] = ['a@x.example', 'b@x.example'];
    // The previous attempt served a; this one, too early to find that copy, serves b and is killed.
    const before = courierWith([], { copies });
    await before.courier.deliver(ambiguousMessage(before.clock, [a, b], [a], 0), patience);
    expect(before.sent).toEqual([[b]]);
    const after = courierWith([markerOf(a), markerOf(b)], { copies });
    await after.courier.deliver(ambiguousMessage(after.clock, [a, b], [a, b], settleMs), patience);
    expect(after.sent).toEqual([]);
  });

  it('and in a new ambiguous attempt as well counts as lost from now on', async () => {
    const { courier, clock } = courierWith([], {
      async deliver({ envelope: { recipients } }) {
        const lost = { outcome: 'temporary', code: 'upstream-ambiguous', text: 'no answer' } as const;
        return { recipients: recipients.map(({ address }) => ({ address, ...lost })) };
      },
    });
    const message = ambiguousMessage(clock, ['a@x.example', 'b@x.example'], ['a@x.example'], 0);
    expect((await courier.deliver(message, patience)).retryAfterMs).toBeUndefined();
  });

  it('is not sent while looking fails', async () => {
    const { courier, clock, sent } = courierWith(new Error('no network'));
    const report = await courier.deliver(
      ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], 2 * settleMs),
      patience,
    );
    expect(report.recipients).toMatchObject([{ outcome: 'temporary', code: 'upstream-ambiguous' }]);
    expect(report.recipients[0]!.text).toContain('no network');
    expect(report.retryAfterMs).toBeUndefined();
    expect(sent).toEqual([]);
  });
});

describe('Where nobody may look', () => {
  it('"resend" sends again', async () => {
    const { courier, clock, sent } = courierWith(undefined);
    await courier.deliver(ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], 0), patience);
    expect(sent).toEqual([['a@x.example']]);
  });

  it('"hold" has it held, with the way out', async () => {
    const { courier, clock, sent } = courierWith(undefined, { onAmbiguity: 'hold' });
    const report = await courier.deliver(ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], 0), patience);
    expect(report).toMatchObject({ hold: true, recipients: [{ outcome: 'needs-admin', code: 'delivery-ambiguous' }] });
    expect(report.recipients[0]!.remedy).toMatch(/queue release/);
    expect(sent).toEqual([]);
  });

  it('stays whole with the courier whose attempt it was: no other one sends what nobody may look for', async () => {
    const others = ['smtp', 'graph'] as const;
    const { courier, clock, sent } = courierWith(undefined, { kind: 'smtp', others });
    const message = ambiguousMessage(clock, ['a@x.example', 'b@x.example'], ['a@x.example'], 0);
    const ambiguous = { ...(message.ambiguous as AmbiguousAttempt), courier: 'graph' } as const;
    const report = await courier.deliver({ ...message, ambiguous }, patience);
    expect(report).toMatchObject({
      staysWith: 'graph',
      sentNothing: true,
      recipients: [{ outcome: 'temporary', code: 'upstream-ambiguous' }],
    });
    // The other recipient is unchanged: with two couriers, a crash would leave unknown which one served whom.
    expect(report.recipients).toHaveLength(1);
    expect(report.recipients[0]!.text).toContain('only Graph sends it again');
    expect(sent).toEqual([]);
    const own = await courierWith(undefined, { kind: 'graph' }).courier.deliver({ ...message, ambiguous }, patience);
    expect(own.recipients.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered']);
  });

  it('goes by another one once the account has that courier no more', async () => {
    const { courier, clock, sent } = courierWith(undefined, { kind: 'smtp', others: ['smtp'] });
    const message = ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], 0);
    const ambiguous = { ...(message.ambiguous as AmbiguousAttempt), courier: 'graph' } as const;
    const report = await courier.deliver({ ...message, ambiguous }, patience);
    expect(report.staysWith).toBeUndefined();
    expect(sent).toEqual([['a@x.example']]);
  });

  it('a place that fails hides no other; no copy counts only where a place has answered', async () => {
    const clock = new FakeClock();
    const query = { mailbox: 'a@x.example', messageId: '<1@x>', couriers: ['graph'] } as const;
    const find = (...answers: (readonly string[] | undefined | Error)[]) =>
      new PermittedSentItems(
        answers.map((answer) => sentItems(answer).items),
        clock,
      )
        .find(query, patience)
        .catch(String);
    const down = new Error('503');
    expect(await find(down, ['x'])).toEqual(['x']);
    expect(await find(down, [])).toEqual([]);
    expect(await find(down, undefined)).toBe('Error: 503');
    expect(await find(undefined, down)).toBe('Error: 503');
    expect(await find(down, down)).toBe('Error: 503');
  });

  it.each([
    ['may not be looked into', { notPermitted: true }, 'resend', ['delivered found-in-sent-items', 'delivered 202']],
    [
      'may not be looked into, to be held',
      { notPermitted: true },
      'hold',
      ['delivered found-in-sent-items', 'needs-admin delivery-ambiguous'],
    ],
    [
      'fails',
      { failure: new Error('503') },
      'resend',
      ['delivered found-in-sent-items', 'temporary upstream-ambiguous'],
    ],
  ] as const)('a copy is proof though another place %s; of who else it is for, no more is known', async (...given) => {
    const [, unseen, onAmbiguity, outcomes] = given;
    const found = { markers: [markerOf('a@x.example')], unseen };
    const sentItems = { find: async () => found };
    const copies = copyNotes();
    await copies.note('m1', [{ address: 'a@x.example' }]);
    const { courier, clock } = courierWith([], { sentItems, onAmbiguity, copies });
    const both = ['a@x.example', 'b@x.example'];
    const report = await courier.deliver(ambiguousMessage(clock, both, both, 2 * settleMs), patience);
    const said = report.recipients.map(({ outcome, code }) => `${outcome} ${code}`);
    expect(said).toEqual(outcomes);
  });

  it('another courier looks at the places of both, and tells that it has sent nothing', async () => {
    const asked: (readonly string[])[] = [];
    const items: LookFirstOptions['sentItems'] = {
      async find({ couriers }) {
        asked.push(couriers);
        return { markers: [] };
      },
    };
    const { courier, clock } = courierWith([], { kind: 'smtp', others: ['graph', 'smtp'], sentItems: items });
    const message = ambiguousMessage(clock, ['a@x.example'], ['a@x.example'], 0);
    const ambiguous = { ...(message.ambiguous as AmbiguousAttempt), courier: 'graph' } as const;
    const report = await courier.deliver({ ...message, ambiguous }, patience);
    expect(report).toMatchObject({ sentNothing: true, recipients: [{ code: 'upstream-ambiguous' }] });
    expect(asked).toEqual([['graph', 'smtp']]);
  });

  it('is learned for each mailbox, and asked again after an hour', async () => {
    const clock = new FakeClock();
    const [closed, open] = [sentItems(undefined), sentItems(['x'])];
    const items = new PermittedSentItems([closed.items, open.items], clock);
    const find = (mailbox: string) => items.find({ mailbox, messageId: '<1@x>', couriers: ['graph'] }, patience);
    expect([await find('a@x.example'), await find('A@x.example'), await find('b@x.example')]).toEqual([
      ['x'],
      ['x'],
      ['x'],
    ]);
    expect(closed.asked).toHaveLength(2);
    await clock.advance(60 * 60_000);
    await find('a@x.example');
    expect(closed.asked).toHaveLength(3);
  });
});
