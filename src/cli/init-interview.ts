import { readNetwork } from '../config/blocks/accounts.ts';
import { guid, mailbox, tenant } from '../config/fields.ts';
import type { Interview } from '../onboarding/init-dialogue.ts';
import type { AnswerRules, Question } from '../onboarding/init-questions.ts';
import { askLine } from './terminal/ask-line.ts';
import type { CliIo } from './terminal/io.ts';

interface Rule {
  safeParse(text: string): {
    readonly error?: { readonly issues: readonly { readonly message: string }[] } | undefined;
  };
}

const bySchema = (rule: Rule) => (answer: string) => rule.safeParse(answer).error?.issues[0]?.message;

/** The configuration's own rules, so that no answer is refused at the end. */
export const answerRules: AnswerRules = {
  mailbox: bySchema(mailbox()),
  tenant: bySchema(tenant()),
  'client-id': bySchema(guid()),
  name: (answer) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(answer) ? undefined : 'must be letters, digits, ".", "_" and "-"',
  username: (answer) =>
    /^[^\p{Cc}\s](?:[^\p{Cc}]{0,253}[^\p{Cc}\s])?$/u.test(answer)
      ? undefined
      : 'must not hold control characters, nor begin or end with a space',
  network(answer) {
    const network = readNetwork(answer);
    if (network === undefined) return 'must be IP addresses, or networks such as 192.168.10.0/24';
    return network.prefix === 0 ? 'would let everybody send without a password' : undefined;
  },
};

/** Asks on standard error and reads from standard input, a terminal or not. */
export function terminalInterview(io: CliIo): Interview {
  return {
    ask(question, proposal, problem) {
      const again = problem === undefined ? '' : `  ${capitalized(question, problem)}.\n`;
      return askLine(io, `${again || questionText(question)}${proposalText(question, proposal)}> `);
    },
  };
}

function questionText({ asks, explains, choices = [] }: Question): string {
  const list = choices.map(({ value, text }, index) => `    ${index + 1}  ${value}: ${text}\n`);
  return `\n${asks}\n  ${explains}\n${list.join('')}`;
}

function proposalText({ choices, optional }: Question, proposal: string | undefined): string {
  const number = choices === undefined ? '' : `${choices.findIndex(({ value }) => value === proposal) + 1}, `;
  if (proposal !== undefined) return `[${number}${proposal}] `;
  return optional ? '[none] ' : '';
}

function capitalized({ choices }: Question, problem: string): string {
  return choices ? `Give the number or the name: it ${problem}` : `It ${problem}`;
}
