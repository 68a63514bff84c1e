/** A command as described by the table of commands and its own `--help`. */
export interface CommandHelp {
  readonly name: string;
  /** In a few words. */
  readonly summary: string;
  /** The output of `--help` without a terminal. */
  readonly usage: string;
  /** The names of all other commands. */
  readonly others: readonly string[];
}

/** An option of a command, as in its `--help`. */
export interface OptionHelp {
  /** Including its dashes: `--name`. */
  readonly name: string;
  /** What follows it: `FILE`, or the words to choose from: `send|read`; undefined if nothing does. */
  readonly value?: string;
  /** Empty if it only occurs in running text. */
  readonly explanation: string;
}

/** The first word of a command's arguments: `list` of `mailbridge queue list`. */
export interface ActionHelp {
  readonly name: string;
  readonly explanation: string;
}

const optionForm =
  /(?<![\w-])(--[a-z][a-z-]*[a-z])(?: ([A-Z][A-Z-]*(?:\|[A-Z-]+)*|[a-z][a-z0-9]*(?:\|[a-z][a-z0-9]*)+))?(?![\w-])/g;

/** Every option that the usage names, once, in order; `--help` last. */
export function optionsOf(command: Pick<CommandHelp, 'usage' | 'others'>): OptionHelp[] {
  const options = new Map<string, OptionHelp>();
  for (const [, name = '', value] of ownText(command).matchAll(optionForm)) {
    const known = options.get(name);
    if (known?.value !== undefined || (known && value === undefined)) continue;
    options.set(name, { name, ...(value !== undefined && { value }), explanation: explanationOf(command.usage, name) });
  }
  options.delete('--help');
  return [...options.values(), { name: '--help', explanation: 'says what the command does' }];
}

/** Without options of other commands that the text names, and without the example, which adds none. */
function ownText({ usage, others }: Pick<CommandHelp, 'usage' | 'others'>): string {
  const ofOthers = new RegExp(`(?<![\\w-])(?:${others.join('|')}) --[a-z-]+(?: [A-Z]+)?`, 'g');
  return usage.replace(/^Example:.*$/m, '').replace(ofOthers, '');
}

/** From the line that begins with the option, and those that continue it. */
function explanationOf(usage: string, name: string): string {
  const line = new RegExp(`^ +${name}(?: \\S+)? {2,}(\\S.*)$((?:\\n {8,}\\S.*$)*)`, 'm').exec(usage);
  if (!line) return '';
  return `${line[1]}${line[2]}`.replace(/\s+/g, ' ').trim();
}

/** The actions that the usage explains. */
export function actionsOf({ name, usage }: Pick<CommandHelp, 'name' | 'usage'>): ActionHelp[] {
  const [, first = ''] = new RegExp(`^Usage: mailbridge ${name} (\\S+)`).exec(usage) ?? [];
  if (first !== 'ACTION' && !/^[a-z]+(?:\|[a-z]+)+$/.test(first)) return [];
  const lines = [...usage.matchAll(/^ {2}([a-z]+)(?: [^ ]+)*? {2,}(\S.*)$/gm)];
  return lines.map(([, action = '', explanation = '']) => ({ name: action, explanation }));
}
