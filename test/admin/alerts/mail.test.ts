import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { alertMail } from '../../../src/admin/alerts/mail.ts';

const news = {
  id: 'guessed scanner',
  code: 'account-guessed',
  severity: 'warning',
  state: 'raised',
  since: '2026-01-05T08:00:00.000Z',
  at: '2026-01-05T09:00:00.000Z',
  instance: 'bridge-1',
  text: 'Somebody is guessing the password of account büro\r\nBcc: x@y.example.',
  remedy: 'See the log.',
} as const;
const addresses = { from: 'reports@contoso.example', to: 'it@contoso.example', hostname: 'bridge.example' };

test('a mail program reads an alert as it is meant; nothing in it breaks out of its place', async () => {
  const octets = alertMail(news, addresses);
  const mail = await PostalMime.parse(octets);
  expect(mail.subject).toBe(
    '[mailbridge] warning: Somebody is guessing the password of account büro Bcc: x@y.example.',
  );
  expect([mail.from?.address, mail.to?.[0]?.address, mail.bcc]).toEqual([addresses.from, addresses.to, undefined]);
  expect(mail.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated');
  expect(mail.text).toContain('What to do: See the log.');
  expect(mail.text).toContain('Since: Mon, 05 Jan 2026 08:00:00 +0000');
  expect(octets.toString('latin1')).toMatch(/^[\t\r\n -~]*$/);
});

test('one that is over says so', async () => {
  const mail = await PostalMime.parse(alertMail({ ...news, state: 'cleared' }, addresses));
  expect(mail.subject).toMatch(/^\[mailbridge\] cleared: /);
  expect(mail.text).toContain('Resolved.');
  expect(mail.text).not.toContain('What to do');
});
