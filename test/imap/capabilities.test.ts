import { expect, it } from 'vitest';
import { engineCapabilities } from '../../src/imap/capabilities.ts';
import type { MailStore } from '../../src/mailbox/mail-store.ts';

const store = { appendLimit: undefined, createsSpecialUses: false } as MailStore;

it('before login only what leads to it, and what is there at any time, is told', () => {
  expect(engineCapabilities({ store: undefined, mechanisms: ['PLAIN', 'LOGIN'], canStartTls: false }).join(' ')).toBe(
    'IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR AUTH=PLAIN AUTH=LOGIN',
  );
  expect(engineCapabilities({ store: undefined, mechanisms: [], canStartTls: true }).join(' ')).toBe(
    'IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR STARTTLS LOGINDISABLED',
  );
});

it('after login nothing of it is left, and the store decides on two of the rest', () => {
  const told = engineCapabilities({ store, mechanisms: ['PLAIN'], canStartTls: true });
  expect(told).not.toContain('STARTTLS');
  expect(told).not.toContain('AUTH=PLAIN');
  expect(told).not.toContain('CREATE-SPECIAL-USE');
  expect(told).toContain('APPENDLIMIT');
  const able = { ...store, appendLimit: 35, createsSpecialUses: true };
  const more = engineCapabilities({ store: able, mechanisms: [], canStartTls: false });
  expect(more).toEqual(expect.arrayContaining(['CREATE-SPECIAL-USE', 'APPENDLIMIT=35']));
  expect(new Set(more).size).toBe(more.length);
});
