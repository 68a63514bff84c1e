import { expect, it } from 'vitest';
import type { MaildropUpstream, Reader, TranslatedMaildrops } from '../../src/reading/maildrops.ts';
import { translatedMaildrops } from '../support/read-bridge.ts';

const endpoint = { host: '127.0.0.1', port: 1, security: 'none' } as const;
const mailbox = 'scanner@contoso.com';

/** A reader that stays until {@link leave}, or leaves as soon as another one wants to read. */
function reader(hasEnded = false): Reader & { leave(): void } {
  const controller = new AbortController();
  return {
    gone: controller.signal,
    leave: () => controller.abort(new Error('gone')),
    giveWay: () => {
      if (hasEnded) controller.abort(new Error('gone'));
      return hasEnded;
    },
  };
}

/** A token that never comes: each maildrop stays in the middle of opening. */
const upstream = {
  endpoints: { imap: endpoint },
  ca: undefined,
  getToken: () => new Promise<string>(() => {}),
} as unknown as MaildropUpstream;

/** All but one of the logins are refused; that one leaves in the end. */
async function expectOneHolder(maildrops: TranslatedMaildrops, readers: readonly ReturnType<typeof reader>[]) {
  let refused = 0;
  const all = readers.map((each) =>
    maildrops.open(upstream, mailbox, each).catch((error: { code?: string }) => {
      if (error.code === 'in-use') refused++;
    }),
  );
  await expect.poll(() => refused, { timeout: 10_000 }).toBe(readers.length - 1);
  for (const each of readers) each.leave();
  await Promise.all(all);
  expect(refused).toBe(readers.length - 1);
}

it('of sessions that log in at the same moment one has the maildrop', async () => {
  await expectOneHolder(translatedMaildrops(), [reader(), reader(), reader()]);
});

it('of sessions that wait for one that gives way, one has the maildrop', async () => {
  const maildrops = translatedMaildrops();
  const first = maildrops.open(upstream, mailbox, reader(true)).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  await expectOneHolder(maildrops, [reader(), reader()]);
  await first;
});
