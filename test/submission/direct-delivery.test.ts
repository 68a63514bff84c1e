import { expect, test } from 'vitest';
import type { Upstream } from '../../src/app/connections/upstream.ts';
import type { DeliveryReport, OutgoingMessage, RecipientOutcome } from '../../src/message/delivery.ts';
import { deliverNow, directRefusal, undelivered } from '../../src/submission/direct-delivery.ts';

const outcome = (address: string, outcome: RecipientOutcome['outcome'], code: string, text = 'as it said') => ({
  address,
  outcome,
  code,
  text,
});

test('who was not served', () => {
  const envelope = {
    reversePath: 'a@x.example',
    recipients: [{ address: 'b@x.example' }, { address: 'c@x.example' }],
    eightBit: false,
    smtpUtf8: false,
  };
  const report = {
    recipients: [outcome('b@x.example', 'delivered', '2.0.0'), outcome('c@x.example', 'temporary', '4.2.2')],
  };
  expect(undelivered(envelope, report)).toEqual([{ address: 'c@x.example' }]);
});

test.each([
  ['permanent stays permanent', [outcome('b', 'permanent', '5.7.60')], '554 5.7.60 as it said'],
  ['temporary stays temporary', [outcome('b', 'temporary', '4.3.2')], '451 4.3.2 as it said'],
  ['what waits for an administrator may succeed later', [outcome('b', 'needs-admin', '5.7.3')], '451 4.7.3 as it said'],
  [
    'one that may succeed makes the reply temporary',
    [outcome('b', 'permanent', '5.1.1'), outcome('c', 'temporary', '4.2.2')],
    '451 4.2.2 as it said',
  ],
  [
    'a Graph code stands in the text',
    [outcome('b', 'permanent', 'ErrorSendAsDenied')],
    '554 5.7.1 ErrorSendAsDenied: as it said',
  ],
])('the reply: %s', (_name, recipients, expected) => {
  const { status, enhanced, message } = directRefusal({ recipients });
  expect(`${status} ${enhanced} ${message}`).toBe(expected);
});

test('what nobody may look for stays ambiguous, so that the queue knows of it', async () => {
  const answers: DeliveryReport[] = [
    {
      recipients: [
        outcome('b@x.example', 'delivered', '2.0.0'),
        outcome('c@x.example', 'temporary', 'upstream-ambiguous'),
      ],
    },
    { recipients: [outcome('c@x.example', 'needs-admin', 'delivery-ambiguous')], hold: true },
  ];
  const courier = { deliver: async () => answers.shift() };
  const report = await deliverNow({
    upstream: { courier: () => courier } as unknown as Upstream,
    courier: 'graph',
    account: {} as Parameters<typeof deliverNow>[0]['account'],
    policy: { envelope: 'auto', onAmbiguity: 'hold' },
    message: {
      envelope: { recipients: [{ address: 'b@x.example' }, { address: 'c@x.example' }] },
    } as unknown as OutgoingMessage,
    clock: {
      now: () => 0,
      after: (_, callback) =>
        ((): (() => void) => {
          callback();
          return () => {};
        })(),
    },
    clientIsGone: () => false,
  });
  expect(report.recipients.map(({ code }) => code)).toEqual(['2.0.0', 'upstream-ambiguous']);
  expect(answers).toEqual([]);
});
