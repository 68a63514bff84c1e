import { expect, test } from 'vitest';
import { answerRules } from '../../../src/config/answer-rules.ts';
import { answersOf, askedQuestions } from '../../../src/onboarding/guided-setup/questions.ts';
import type { InitAnswers } from '../../../src/onboarding/init-questions.ts';

const nothing: Parameters<typeof askedQuestions>[2] = { connections: {}, usernames: [] };
const asked = (answers: InitAnswers, present = nothing) => askedQuestions(answers, answerRules, present);
const answerTo = (key: string, answers: InitAnswers) => asked(answers).find((each) => each.key === key)?.answer;

test('what is not answered is proposed, after what is', () => {
  const answers = { use: 'both', mailbox: 'reports@contoso.com' } as const;
  expect(answersOf(asked(answers))).toEqual({
    use: 'both',
    from: 'here',
    mailbox: 'reports@contoso.com',
    'sign-in': 'app',
    send: 'graph',
    read: 'imap',
    tenant: 'contoso.com',
    'client-id': '',
    name: 'contoso',
    username: 'reports',
    networks: '',
  });
  expect(answerTo('sign-in', { use: 'read', mailbox: 'jo@outlook.com' })).toBe('person');
  expect(answerTo('from', { use: 'send' })).toBe('network');
});

test('questions that do not matter are not asked', () => {
  const keys = asked({ use: 'read', mailbox: 'a@contoso.com' }).map(({ key }) => key);
  expect(keys).not.toContain('send');
  expect(keys).not.toContain('networks');
});

test('a connection that is there settles tenant, app and who signs in', () => {
  const present = { connections: { contoso: {} }, usernames: ['Reports'] };
  const questions = asked({ use: 'send', mailbox: 'reports@contoso.com' }, present);
  expect(questions.map(({ key }) => key)).toEqual(['use', 'from', 'mailbox', 'networks', 'send', 'name', 'username']);
  expect(questions.at(-1)?.problem).toBe('is already an account');
});

test.each([
  [{ mailbox: 'nobody' }, 'mailbox'],
  [{ mailbox: 'a@contoso.com', name: 'a/b' }, 'name'],
  [{ mailbox: 'a@contoso.com', networks: '0.0.0.0/0' }, 'networks'],
  [{ mailbox: 'a@contoso.com', send: 'pigeon' }, 'send'],
])('an answer that does not hold has a problem: %s', (answers, key) => {
  const [first] = asked({ use: 'both', from: 'network', ...answers }).filter(({ problem }) => problem);
  expect(first?.key).toBe(key);
});

test('a page names its own steps, and no command', () => {
  const texts = [{}, { use: 'both', mailbox: 'a@contoso.com' }, { use: 'send', from: 'network' }].flatMap((answers) =>
    asked(answers).flatMap(({ asks, explains, choices = [] }) => [asks, explains, ...choices.map(({ text }) => text)]),
  );
  expect(texts.filter((text) => /\b(?:mailbridge|init|register-app|exchange-script)\b/.test(text))).toEqual([]);
  expect(texts.join(' ')).toContain('the step App registration makes one');
});
