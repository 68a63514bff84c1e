import { expect, test } from 'vitest';
import { PersonSentItems, type SentItems } from '../../../src/couriers/sent-items/sent-items.ts';

const shared = 'shared@contoso.example';
const alice = 'alice@contoso.example';
const query = { mailbox: shared, messageId: '<1@x.example>' };
const { signal } = new AbortController();
const loginOf = async () => alice;

/** Sent Items by mailbox; those left out may not be looked into. */
const sentItems = (copies: Readonly<Record<string, readonly string[]>>): SentItems => ({
  find: async ({ mailbox }) => copies[mailbox],
});

test('the copy of what a person sent by SMTP as a shared mailbox is looked for with the person', async () => {
  const items = sentItems({ [shared]: [], [alice]: ['marker'] });
  expect(await new PersonSentItems(items, loginOf, ['login']).find(query, signal)).toEqual(['marker']);
});

test.each([
  [{ [shared]: ['a'], [alice]: ['b'] }, ['a']],
  [{ [shared]: [], [alice]: ['b'] }, ['b']],
  [{ [shared]: ['a'] }, ['a']],
  [{ [alice]: ['b'] }, ['b']],
  [{ [shared]: [], [alice]: [] }, []],
  // That there is no copy in one says nothing of the other.
  [{ [shared]: [] }, undefined],
  [{ [alice]: [] }, undefined],
  [{}, undefined],
])('of what Graph or SMTP sent: with %j there are the copies %j', async (copies, found) => {
  const items = sentItems(copies as Record<string, string[]>);
  expect(await new PersonSentItems(items, loginOf, ['mailbox', 'login']).find(query, signal)).toEqual(found);
});

test('a person in their own mailbox is looked at once', async () => {
  expect(
    await new PersonSentItems(sentItems({ [shared]: [] }), async () => shared, ['mailbox', 'login']).find(
      query,
      signal,
    ),
  ).toEqual([]);
});
