import type { Interview } from '../onboarding/init-dialogue.ts';
import type { Question } from '../onboarding/init-questions.ts';
import { askLine } from './terminal/ask-line.ts';
import type { CliIo } from './terminal/io.ts';

/** Asks on standard error and reads from standard input, whether it is a terminal or not. */
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
