import { BridgeError } from '../../base/errors.ts';
import { readArguments } from '../arguments.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import type { Completed } from './shell-script.ts';
import { zshScript } from './zsh.ts';

const usage = `Usage: mailbridge completion bash|zsh|fish

Prints a script for a shell to complete the commands, actions and options of mailbridge.

  bash  load it in ~/.bashrc: source <(mailbridge completion bash)
  zsh   save it as _mailbridge in a folder of $fpath
  fish  save it as ~/.config/fish/completions/mailbridge.fish

Example: mailbridge completion fish
`;

const scripts: Readonly<Record<string, (completed: Completed) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/**
 * `mailbridge completion SHELL`.
 * @param completed called only if needed: it loads every command
 */
export async function runCompletion(args: string[], io: CliIo, completed: () => Promise<Completed>): Promise<number> {
  const { values, positionals } = readArguments('completion', {
    args,
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) return showHelp(io, usage);
  const [shell = '', ...more] = positionals;
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (!script || more.length > 0) {
    throw new BridgeError('usage', 'completion needs the name of a shell.', {
      remedy: `One of: ${Object.keys(scripts).join(', ')}.`,
    });
  }
  io.stdout.write(script(await completed()));
  return 0;
}
