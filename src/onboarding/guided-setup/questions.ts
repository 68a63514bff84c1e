import { type AnswerRules, type InitAnswers, type InitKey, initQuestions, type Question } from '../init-questions.ts';
import type { PresentConfig } from './ports.ts';

/** A question as asked on a page. */
export interface AskedQuestion {
  readonly key: InitKey;
  readonly asks: string;
  readonly explains: string;
  readonly choices?: readonly { readonly value: string; readonly text: string }[];
  readonly isOptional: boolean;
  /** The proposal is right for most people: a page may hide the question. */
  readonly isDetail: boolean;
  /** The given answer, else the proposal; may be empty. */
  readonly answer: string;
  /** What is wrong with it, to be read after "It". */
  readonly problem?: string;
}

/** Settled by an existing connection. */
const ofConnection: ReadonlySet<InitKey> = new Set(['sign-in', 'tenant', 'client-id']);

/**
 * The questions that matter after these answers, each with its answer or proposal.
 * @param given answers so far; those that do not matter are left out
 */
export function askedQuestions(
  given: InitAnswers,
  rules: AnswerRules,
  present: Pick<PresentConfig, 'connections' | 'usernames'>,
): AskedQuestion[] {
  const answers: Partial<Record<InitKey, string>> = {};
  const asked: AskedQuestion[] = [];
  for (const question of initQuestions(rules)) {
    if (!question.applies(answers)) continue;
    const answer = given[question.key]?.trim() ?? question.proposes(answers) ?? '';
    answers[question.key] = answer;
    asked.push(askedAs(question, answer, present));
  }
  const isKnown = Object.hasOwn(present.connections, answers.name ?? '');
  return isKnown ? asked.filter(({ key }) => !ofConnection.has(key)) : asked;
}

function askedAs(question: Question, answer: string, { usernames }: Pick<PresentConfig, 'usernames'>): AskedQuestion {
  const { key, asks, explains, explainsOnPage, choices, optional, detail } = question;
  const isTaken = key === 'username' && usernames.some((each) => each.toLowerCase() === answer.toLowerCase());
  const problem = answer === '' && optional ? undefined : isTaken ? 'is already an account' : question.problem(answer);
  return {
    key,
    asks,
    explains: explainsOnPage ?? explains,
    ...(choices && { choices }),
    isOptional: optional ?? false,
    isDetail: detail !== undefined,
    answer,
    ...(problem !== undefined && { problem }),
  };
}

/** The answers of questions, in the form for the rest of the set-up. */
export function answersOf(asked: readonly AskedQuestion[]): InitAnswers {
  return Object.fromEntries(asked.map(({ key, answer }) => [key, answer]));
}
