import { actionsOf, type CommandHelp, optionsOf } from '../help/command-help.ts';
import { type Completed, valueKind, wordsOf } from './shell-script.ts';

/** A script for bash 4 or later, for /usr/share/bash-completion/completions or `source`. */
export function bashScript({ commands, topics }: Completed): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of mailbridge for bash, written by "mailbridge completion bash".
_mailbridge() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${[...names, 'help', '--help', '--version'].join(' ')}'
  else
    case $command:$previous in
${commands.flatMap(valueCases).join('')}    esac
    case $command in
    help) if ((COMP_CWORD == 2)); then words='${[...names, ...topics].join(' ')}'; fi ;;
${commands.map(wordsCase).join('')}    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _mailbridge mailbridge
`;
}

function valueCases(command: CommandHelp): string[] {
  return optionsOf(command).flatMap(({ name, value }) => {
    if (value === undefined) return [];
    return [`    ${command.name}:${name}) ${completeValue(value)} return ;;\n`];
  });
}

function completeValue(value: string): string {
  const kind = valueKind(value);
  const found = (how: string) => `mapfile -t COMPREPLY < <(compgen ${how} -- "$current");`;
  if (kind === 'words') return found(`-W '${wordsOf(value).join(' ')}'`);
  if (kind === 'other') return '';
  return `compopt -o filenames; ${found(kind === 'folder' ? '-d' : '-f')}`;
}

/** An action comes first, options come anywhere. */
function wordsCase(command: CommandHelp): string {
  const options = optionsOf(command).map(({ name }) => name);
  const actions = actionsOf(command).map(({ name }) => name);
  const first = actions.length === 0 ? '' : `if ((COMP_CWORD == 2)); then words='${actions.join(' ')}'; fi; `;
  return `    ${command.name}) ${first}words+=' ${options.join(' ')}' ;;\n`;
}
