const queueActions = 'list|show|retry|hold|release|delete|export';
const accountActions = 'add|list|remove|rotate|invite|invitations|revoke';
/**
 * The command, and the connection or the message that it is for. If the sentence, or the quoted text, continues after
 * that, the next word is not a name.
 */
const commands = new RegExp(
  `mailbridge (login|consent|exchange-script|check|register-app|queue (?:${queueActions})|account (?:${accountActions}))\\b(?: (?!NAME|ID\\b)(\\w[\\w.-]*)(?=[.,;)"]*(?:$|\\n)|[.,;)"]+ | --))?`,
  'g',
);

/** A terminal command whose work the pages may do. */
export interface NamedCommand {
  /** `login`, `queue show`. */
  readonly command: string;
  /** The argument after it; undefined for an option, and for a placeholder. */
  readonly subject: string | undefined;
}

/** The commands in a text, each once. */
export function commandsIn(text: string): NamedCommand[] {
  const named = [...text.matchAll(commands)].map(([, command = '', subject]) => ({
    command,
    // A name may be followed by the end of the sentence.
    subject: subject?.replace(/[.-]+$/, ''),
  }));
  return named.filter(({ command }, at) => named.findIndex((each) => each.command === command) === at);
}
