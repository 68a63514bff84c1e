import { BridgeError } from '../base/errors.ts';
import type { InitAnswers, InitKey, Question } from './init-questions.ts';

/** Gets answers that no option gave. */
export interface Interview {
  /**
   * @param problem what was wrong with the previous answer
   * @returns undefined if there will be no more answers
   */
  ask(question: Question, proposal: string | undefined, problem: string | undefined): Promise<string | undefined>;
}

/**
 * Collects the answers to all questions that matter: those given, then those of the interview.
 * @param interview undefined: proposals are used
 * @throws BridgeError `usage` for a given answer that is wrong or useless, and for a missing one; `cancelled` if the
 * interview ends early
 */
export async function collectAnswers(
  questions: readonly Question[],
  given: InitAnswers,
  interview: Interview | undefined,
): Promise<InitAnswers> {
  const answers: Partial<Record<InitKey, string>> = {};
  const mayDiffer: Question[] = [];
  for (const question of questions) {
    const { key } = question;
    const told = given[key];
    if (!question.applies(answers)) {
      if (told !== undefined && !questions.some((other) => other.key === key && other.applies(answers))) {
        throw wrong(`--${key} does nothing with --use ${answers.use}.`);
      }
      continue;
    }
    if (told !== undefined) answers[key] = checked(question, told);
    else if (interview && question.detail !== undefined) mayDiffer.push(question);
    else answers[key] = await open(question, answers, interview);
  }
  if (interview && mayDiffer.length > 0) await settleDetails(mayDiffer, answers, interview);
  return answers;
}

/** Uses the proposals for details, unless somebody wants to be asked for each. */
async function settleDetails(
  details: readonly Question[],
  answers: Partial<Record<InitKey, string>>,
  interview: Interview,
): Promise<void> {
  const proposals = details.map(({ detail, proposes }) => `${detail}: ${proposes(answers) ?? 'none'}`);
  const isWanted = (await open(detailsQuestion(proposals.join('; ')), answers, interview)) === 'change';
  for (const question of details) {
    const proposal = question.proposes(answers) ?? '';
    const isSound = proposal === '' ? question.optional : question.problem(proposal) === undefined;
    answers[question.key] = !isWanted && isSound ? proposal : await open(question, answers, interview);
  }
}

/** Asked instead of all details. Its answer is not one of init's. */
function detailsQuestion(proposals: string): Question {
  const choices = [
    { value: 'keep', text: 'as it is' },
    { value: 'change', text: 'ask for each of them' },
  ];
  return {
    key: 'use',
    asks: 'Is everything else right?',
    explains: `${proposals}.`,
    choices,
    applies: () => true,
    proposes: () => 'keep',
    problem: (text) => (choices.some(({ value }) => value === text) ? undefined : 'must be keep or change'),
  };
}

function checked(question: Question, told: string): string {
  const problem = told === '' && question.optional ? undefined : question.problem(told);
  if (problem === undefined) return told;
  throw wrong(`--${question.key} ${problem}.`);
}

async function open(question: Question, answers: InitAnswers, interview: Interview | undefined): Promise<string> {
  const proposal = question.proposes(answers);
  if (interview === undefined) {
    if (proposal !== undefined && question.problem(proposal) === undefined) return proposal;
    if (question.optional) return '';
    throw wrong(`--${question.key} is missing: ${question.explains}`);
  }
  let problem: string | undefined;
  for (;;) {
    const said = await interview.ask(question, proposal, problem);
    if (said === undefined) {
      throw new BridgeError('cancelled', 'The questions were not all answered; nothing was written.', {
        remedy: 'Run mailbridge init again, or give the answers as options: mailbridge init --help.',
      });
    }
    const answer = meant(question, said.trim() === '' ? (proposal ?? '') : said.trim());
    if (answer === '' && question.optional) return answer;
    problem = question.problem(answer);
    if (problem === undefined) return answer;
  }
}

/** A choice can be given by its number, or by the beginning of its name. */
function meant({ choices }: Question, said: string): string {
  if (choices === undefined) return said;
  const byNumber = /^\d$/.test(said) ? choices[Number(said) - 1] : undefined;
  const named = choices.filter(({ value }) => said !== '' && value.startsWith(said.toLowerCase()));
  return byNumber?.value ?? (named.length === 1 ? (named[0]?.value as string) : said);
}

function wrong(message: string): BridgeError {
  return new BridgeError('usage', message, { remedy: 'Run mailbridge init --help.' });
}
