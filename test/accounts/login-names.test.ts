import { expect, test } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { actingAs } from '../../src/accounts/account-login.ts';
import { AccountDirectory } from '../../src/accounts/directory.ts';
import { LoginThrottle } from '../../src/accounts/login-throttle.ts';
import { sendingMailbox } from '../../src/accounts/sending-mailbox.ts';
import { TestClock } from './test-clock.ts';

const plain = 'geheim';

function account(username: string, changes: Partial<Account> = {}): Account {
  const mailboxes = changes.mailboxes ?? (changes.mailbox === undefined ? [] : [changes.mailbox]);
  return {
    username,
    password: { reveal: () => plain },
    networks: [],
    connection: 'contoso',
    send: ['graph'],
    delivery: 'queued',
    mailboxFrom: 'envelope',
    senders: mailboxes,
    ...changes,
    mailboxes,
  };
}

const reports = 'reports@contoso.com';
const scanner = account('scanner', { mailbox: reports, mailboxes: [reports, 'sales@contoso.com'] });
const people = account('*@contoso.de');

function find(username: string, ...accounts: Account[]) {
  const login = new AccountDirectory(accounts.length > 0 ? accounts : [scanner, people]).find(username);
  return login && `${login.username} ${login.mailbox}`;
}

test('an address is the name of one account alone, and a person comes before a mailbox of that address', () => {
  const erp = account('erp', { mailbox: 'erp@contoso.de', mailboxes: ['erp@contoso.de', reports] });
  expect(find('sales@contoso.com')).toBe('scanner sales@contoso.com');
  expect(find('reports@contoso.com', scanner, erp)).toBeUndefined();
  expect(find('erp@contoso.de', scanner, erp)).toBe('erp erp@contoso.de');
  expect(find('erp@contoso.de', scanner, erp, people)).toBe('erp@contoso.de erp@contoso.de');
});

test('an account of just that name comes before everybody at its domain', () => {
  const boss = account('Boss@contoso.de', { mailbox: 'office@contoso.de' });
  expect(find('boss@contoso.de', people, boss)).toBe('Boss@contoso.de office@contoso.de');
  expect(find('boss@contoso.de/boss', people, boss)).toBe('Boss@contoso.de office@contoso.de');
});

test.each([
  'boss@contoso.de.',
  'CONTOSO\\boss',
  'contoso.de\\BOSS',
  'boss@\uff43ontoso.de',
  'CONTOSO\\boss\\office',
  'boss@contoso.de./office',
])('an account of just that name is meant by %s, too, and not the person of that name', (name) => {
  const boss = account('Boss@contoso.de', { mailbox: 'office@contoso.de' });
  expect(find(name, people, boss)).toBe('Boss@contoso.de office@contoso.de');
});

test('an account of just that name is meant in each form of its domain', () => {
  const boss = account('Boss@münchen.example', { mailbox: 'office@contoso.de' });
  for (const many of ['*@münchen.example', '*@xn--mnchen-3ya.example']) {
    for (const name of ['boss@münchen.example', 'boss@xn--mnchen-3ya.example', 'boss@mu\u0308nchen.example.']) {
      expect(find(name, account(many), boss)).toBe('Boss@münchen.example office@contoso.de');
    }
  }
});

test('all spellings of a person are one name', () => {
  const münchen = account('*@münchen.example');
  for (const name of [
    'Anna@München.example',
    'ANNA@XN--MNCHEN-3YA.EXAMPLE',
    'anna@mu\u0308nchen.example.',
    'münchen\\Anna',
  ]) {
    expect(find(name, münchen)).toBe('anna@münchen.example anna@münchen.example');
  }
});

test.each([
  '*@contoso.de',
  '"anna"@contoso.de',
  'an na@contoso.de',
  'anna@contoso.de@contoso.de',
  'an\u0430@contoso.de',
  '@contoso.de',
  'anna@contoso.de.evil.example',
  `${'a'.repeat(65)}@contoso.de`,
  'anna*@contoso.de',
])('%s is nobody of *@contoso.de', (name) => {
  expect(find(name)).toBeUndefined();
});

test('a Windows domain that two accounts for many have is nobody’s', () => {
  const other = account('*@contoso.com');
  expect(find('CONTOSO\\anna', people)).toBe('anna@contoso.de anna@contoso.de');
  expect(find('CONTOSO\\anna', people, other)).toBeUndefined();
  expect(find('contoso.com\\anna', people, other)).toBe('anna@contoso.com anna@contoso.com');
});

test('everybody may share a mailbox, and nobody their own then', () => {
  const shared = account('*@contoso.de', { mailbox: reports });
  expect(find('anna@contoso.de', shared)).toBe(`anna@contoso.de ${reports}`);
  const login = new AccountDirectory([shared]).find('anna@contoso.de');
  expect(login?.mailboxes).toEqual([reports]);
});

test('an authorization identity is the own name or one of the mailboxes', () => {
  const login = new AccountDirectory([scanner]).find('scanner');
  if (!login) throw new Error('no login');
  const as = (identity: string) => actingAs(login, identity)?.mailbox;
  expect(['scanner', 'SCANNER', reports, 'Sales@contoso.com'].map(as)).toEqual([
    reports,
    reports,
    reports,
    'sales@contoso.com',
  ]);
  expect(['sales', 'root', 'bob@contoso.com', '', '*@contoso.com'].map(as)).toEqual(Array(5).fill(undefined));
});

/** The cost of a series of failed logins: how long each is held back, and how it ends. */
async function course(names: readonly string[], accounts: readonly Account[]) {
  const clock = new TestClock();
  const throttle = new LoginThrottle({ clock, failures: 4 });
  const directory = new AccountDirectory(accounts, { clock, throttle });
  const answers: unknown[] = [];
  for (const [index, name] of names.entries()) {
    answers.push(await directory.authenticate(name, `guess ${index}`, '192.0.2.1'));
  }
  return { answers, delaysMs: clock.delaysMs };
}

const spellings: readonly (readonly string[])[] = [
  ['scanner', 'CORP\\scanner', 'scanner/sales', 'scanner\\reports', 'A\\scanner\\x', 'scanner'],
  ['scanner\\a', 'scanner\\b', 'scanner\\c', 'scanner\\d', 'scanner\\e'],
  ['A\\scanner', 'B\\scanner', 'C\\scanner', 'D\\scanner', 'E\\scanner'],
  ['scanner/a', 'a', 'scanner/b', 'b', 'scanner'],
  ['scanner\\a', 'a', 'scanner\\a', 'a', 'scanner'],
  ['scanner@contoso.de', 'CONTOSO\\scanner', 'contoso.de\\scanner', 'scanner@contoso.de/x', 'scanner@contoso.de'],
];

test.each(spellings.map((names) => [names]))(
  '%j: the answers do not tell whether there is a scanner',
  async (names) => {
    const there = await course(names, [scanner, people]);
    expect(there).toEqual(await course(names, [people]));
    expect(there.answers.slice(0, 4)).toEqual(Array(4).fill({ failure: 'wrong' }));
  },
);

test('many spellings of a name give no more guesses than one', async () => {
  for (const names of spellings.slice(0, 3)) {
    const { answers } = await course(names, [scanner]);
    expect(answers.filter((answer) => JSON.stringify(answer).includes('wrong'))).toHaveLength(4);
  }
});

test('the domain of an account for many is nobody’s name: its people do not block one another', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `CONTOSO\\person${index}`);
  const { answers } = await course(names, [people]);
  expect(answers).toEqual(Array(12).fill({ failure: 'wrong' }));
});

const sales = 'sales@contoso.com';
const other = 'other@contoso.com';

test.each([
  ['envelope', sales, [reports], sales],
  ['envelope', 'SALES@Contoso.com', [], sales],
  ['envelope', other, [sales], sales],
  ['envelope', '', [sales], sales],
  ['envelope', '', [other], reports],
  ['envelope', other, [other], reports],
  ['envelope', '*@shared.example', [], reports],
  ['envelope', 'Info@Shared.example', [], 'info@shared.example'],
  ['header', reports, [sales], sales],
  ['header', sales, [other], sales],
  ['header', sales, [other, reports], reports],
  ['header', '', [], reports],
  ['fixed', sales, [sales], reports],
] as const)('by %s, <%s> and From %j are sent as %s', (mailboxFrom, reversePath, authors, mailbox) => {
  const one = account('scanner', { mailbox: reports, mailboxes: [reports, sales, '*@shared.example'], mailboxFrom });
  const login = new AccountDirectory([one]).find('scanner');
  const named = new AccountDirectory([one]).find(`scanner/${sales}`);
  if (!login || !named) throw new Error('no login');
  expect(sendingMailbox(login, reversePath, authors)).toBe(mailbox);
  expect(sendingMailbox(named, reversePath, authors)).toBe(sales);
});
