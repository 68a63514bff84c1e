import { actionsOf, type CommandHelp, optionsOf } from '../help/command-help.ts';
import { type Completed, valueKind, wordsOf } from './shell-script.ts';

/** A script for fish, to be put into a folder of completions as `mailbridge.fish`. */
export function fishScript({ commands, topics }: Completed): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of mailbridge for fish, written by "mailbridge completion fish".
complete -c mailbridge -f
${commands.map(({ name, summary }) => `complete -c mailbridge -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}\n`).join('')}complete -c mailbridge -n __fish_use_subcommand -a help -d 'describe a command, or print a document'
complete -c mailbridge -n '__fish_seen_subcommand_from help' -a ${quoted([...names, ...topics].join(' '))}
${commands.flatMap(commandLines).join('')}`;
}

function commandLines(command: CommandHelp): string[] {
  const condition = quoted(`__fish_seen_subcommand_from ${command.name}`);
  const actions = actionsOf(command).map(
    ({ name, explanation }) => `complete -c mailbridge -n ${condition} -a ${name} -d ${quoted(explanation)}\n`,
  );
  const options = optionsOf(command).map(({ name, value, explanation }) => {
    const text = explanation === '' ? '' : ` -d ${quoted(explanation.slice(0, 90))}`;
    return `complete -c mailbridge -n ${condition} -l ${name.slice(2)}${value === undefined ? '' : taken(value)}${text}\n`;
  });
  return [...actions, ...options];
}

function taken(value: string): string {
  const kind = valueKind(value);
  if (kind === 'words') return ` -x -a ${quoted(wordsOf(value).join(' '))}`;
  if (kind === 'file') return ' -r -F';
  return kind === 'folder' ? " -x -a '(__fish_complete_directories)'" : ' -x';
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
