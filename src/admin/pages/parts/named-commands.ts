const queueActions = 'list|show|retry|hold|release|delete|export';
const accountActions = 'add|list|remove|rotate|invite|invitations|revoke';
/**
 * The command, and the connection or the message that it is for: where the sentence, or what is quoted, goes on behind that,
 * it is another word.
 */
const commands = new RegExp(
  `mailbridge (login|consent|exchange-script|check|register-app|queue (?:${queueActions})|account (?:${accountActions}))\\b(?: (?!NAME|ID\\b)(\\w[\\w.-]*)(?=[.,;)"]*(?:$|\\n)|[.,;)"]+ | --))?`,
  'g',
);

/** A command of a terminal whose work the pages may do. */
export interface NamedCommand {
  /** `login`, `queue show`. */
  readonly command: string;
  /** What stands behind it; undefined for an option, and for what stands for a name. */
  readonly subject: string | undefined;
}

/** The commands that a text names, each once. */
export function commandsIn(text: string): NamedCommand[] {
  const named = [...text.matchAll(commands)].map(([, command = '', subject]) => ({
    command,
    // A sentence may end behind a name.
    subject: subject?.replace(/[.-]+$/, ''),
  }));
  return named.filter(({ command }, at) => named.findIndex((each) => each.command === command) === at);
}
