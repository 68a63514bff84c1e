import { actionsOf, type CommandHelp, optionsOf } from '../help/command-help.ts';
import { type Completed, valueKind, wordsOf } from './shell-script.ts';

/** A script for zsh, to be put into a folder of `$fpath` as `_mailbridge`. */
export function zshScript({ commands, topics }: Completed): string {
  const described = commands.map(({ name, summary }) => quoted(`${name}:${summary}`));
  return `#compdef mailbridge
# Completion of mailbridge for zsh, written by "mailbridge completion zsh".
_mailbridge() {
  local -a commands
  commands=(
    ${described.join('\n    ')}
    'help:describe a command, or print a document'
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
  help) ((CURRENT == 2)) && { _describe -t commands command commands; compadd -- ${topics.join(' ')} } ;;
${commands.map(commandCase).join('')}  esac
}
if [ "$funcstack[1]" = _mailbridge ]; then _mailbridge "$@"; else compdef _mailbridge mailbridge; fi
`;
}

function commandCase(command: CommandHelp): string {
  const options = optionsOf(command).map(({ name, value, explanation }) => {
    const text = explanation === '' ? '' : `[${inBrackets(explanation)}]`;
    return quoted(`*${name}${text}${value === undefined ? '' : `:${value.replaceAll(':', '\\:')}:${action(value)}`}`);
  });
  const actions = actionsOf(command).map(
    ({ name, explanation }) => `${name}\\:${JSON.stringify(inBrackets(explanation))}`,
  );
  const first = actions.length === 0 ? [] : [quoted(`1:action:((${actions.join(' ')}))`)];
  return `  ${command.name}) _arguments -S ${[...first, ...options].join(' \\\n    ')} ;;\n`;
}

function action(value: string): string {
  const kind = valueKind(value);
  if (kind === 'words') return `(${wordsOf(value).join(' ')})`;
  return { file: '_files', folder: '_files -/', other: ' ' }[kind];
}

/** Shortened to fit a line of explanation, without characters that are special to `_arguments`. */
function inBrackets(text: string): string {
  return text
    .replace(/[[\]\\:"()]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 90);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
