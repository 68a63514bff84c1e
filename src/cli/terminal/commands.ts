import type { Screen } from './screen.ts';

/** A command line in shell syntax, and its purpose. */
export interface NextCommand {
  readonly command: string;
  readonly does: string;
}

/** Shows what to run, with its purpose beside it, or below if there is no room. */
export function tellCommands(commands: readonly NextCommand[], screen: Screen): void {
  const longest = Math.max(...commands.map(({ command }) => command.length));
  const hasRoom = commands.every(({ does }) => longest + does.length + 4 <= screen.width);
  for (const { command, does } of commands) {
    if (hasRoom) screen.say(`${command.padEnd(longest)}  ${does}`, { indent: 2 });
    else {
      screen.command(command, 2);
      screen.say(does, { indent: 4 });
    }
  }
}
