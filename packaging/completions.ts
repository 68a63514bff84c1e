import { commandTable } from '../src/cli/commands.ts';
import { bashScript } from '../src/cli/completion/bash.ts';
import { fishScript } from '../src/cli/completion/fish.ts';
import { zshScript } from '../src/cli/completion/zsh.ts';
import { helpTopics } from '../src/cli/help/command.ts';

/** The output of `mailbridge completion` for each shell. */
export async function completions(): Promise<Record<'bash' | 'zsh' | 'fish', string>> {
  const completed = { commands: await commandTable(), topics: helpTopics() };
  return { bash: bashScript(completed), zsh: zshScript(completed), fish: fishScript(completed) };
}
