import { expect, test } from 'vitest';
import type { CourierKind, CourierOrder } from '../../src/message/courier-kind.ts';
import type { DeliveryReport, OutgoingMessage, RecipientOutcome } from '../../src/message/delivery.ts';
import type { Admission, AdmissionRefused } from '../../src/queue/limits/direct.ts';
import type { SendingAccount } from '../../src/submission/account.ts';
import { deliverWithinLimits } from '../../src/submission/direct-limits.ts';

const [ann, bo] = ['ann@x.example', 'bo@x.example'];

/** Delivers to both, admitting every courier that is not shut; each attempt is answered by its courier's script. */
async function delivered(
  send: CourierOrder,
  says: Partial<Record<CourierKind, (address: string) => Partial<RecipientOutcome> & Pick<DeliveryReport, 'trouble'>>>,
  shut: readonly CourierKind[] = [],
) {
  const attempts: [CourierKind, ...string[]][] = [];
  const ended: (DeliveryReport | undefined)[] = [];
  const admit = async ({ couriers }: { couriers: CourierOrder }): Promise<Admission | AdmissionRefused> => {
    const courier = couriers.find((each) => !shut.includes(each));
    if (!courier) return { admitted: false, retryAfterMs: 1000 };
    const { signal } = new AbortController();
    return { admitted: true, courier, signal, guarded: (message) => message, ended: (report) => ended.push(report) };
  };
  const message = { envelope: { recipients: [ann, bo].map((address) => ({ address })) } } as unknown as OutgoingMessage;
  const account = { connection: 'contoso', mailbox: 'reports@contoso.example', send } as unknown as SendingAccount;
  const report = await deliverWithinLimits({ admit }, account, message, async (courier, { envelope }) => {
    const to = envelope.recipients.map(({ address }) => address);
    attempts.push([courier, ...to]);
    const outcomes = to.map((address) => says[courier]?.(address) ?? {});
    const trouble = outcomes.find((each) => each.trouble)?.trouble;
    return {
      recipients: to.map((address, at) => {
        const { trouble: _, ...outcome } = outcomes[at] ?? {};
        return { address, outcome: 'delivered', code: '2.0.0', text: 'OK', ...outcome };
      }),
      ...(trouble && { trouble }),
    };
  });
  expect(ended).toHaveLength(attempts.length);
  return {
    attempts,
    outcomes: report.recipients.map(({ address, outcome }) => [address, outcome]),
    by: report.courier,
  };
}

const all = [
  [ann, 'delivered'],
  [bo, 'delivered'],
];
const down = { outcome: 'temporary', code: 'upstream-unreachable', text: 'down', isSure: true } as const;

test('by the first courier that is admitted', async () => {
  expect(await delivered(['graph', 'smtp'], {})).toMatchObject({ attempts: [['graph', ann, bo]], outcomes: all });
  const second = await delivered(['graph', 'smtp'], {}, ['graph']);
  expect(second).toMatchObject({ attempts: [['smtp', ann, bo]], outcomes: all, by: 'smtp' });
});

test.each([
  ['is unreachable', { ...down, trouble: { ...down, part: 'graph' } as const }],
  ['lacks a permission', { outcome: 'needs-admin', ofCourier: true } as const],
  ['cannot take the message', { outcome: 'permanent', ofCourier: true } as const],
])('where it %s, by the next one within the same DATA', async (_what, said) => {
  const { attempts, outcomes } = await delivered(['graph', 'smtp'], { graph: () => said });
  expect([attempts, outcomes]).toEqual([
    [
      ['graph', ann, bo],
      ['smtp', ann, bo],
    ],
    all,
  ]);
});

test('the next one serves those alone whom the first did not, and its verdict counts', async () => {
  const said = { outcome: 'permanent', ofCourier: true } as const;
  const { attempts, outcomes } = await delivered(['smtp', 'graph'], {
    smtp: (address) => (address === bo ? said : {}),
    graph: () => ({ outcome: 'temporary' }),
  });
  expect(attempts).toEqual([
    ['smtp', ann, bo],
    ['graph', bo],
  ]);
  expect(outcomes).toEqual([
    [ann, 'delivered'],
    [bo, 'temporary'],
  ]);
});

test.each([
  [
    'is ambiguous for one of them',
    (address: string) =>
      address === ann
        ? ({ outcome: 'temporary', code: 'upstream-ambiguous' } as const)
        : ({ outcome: 'temporary', ofCourier: true } as const),
  ],
  ['refuses the message itself', () => ({ outcome: 'permanent' }) as const],
])('where the first %s there is no second attempt', async (_what, said) => {
  const { attempts } = await delivered(['graph', 'smtp'], { graph: said });
  expect(attempts).toEqual([['graph', ann, bo]]);
});

test('all shut: the first verdict is the reply, or that of the limits where there is none', async () => {
  const shut = await delivered(['graph', 'smtp'], { graph: () => ({ outcome: 'needs-admin', ofCourier: true }) }, [
    'smtp',
  ]);
  expect(shut.outcomes).toEqual([
    [ann, 'needs-admin'],
    [bo, 'needs-admin'],
  ]);
  expect((await delivered(['graph'], {}, ['graph'])).outcomes).toEqual([
    [ann, 'temporary'],
    [bo, 'temporary'],
  ]);
});
