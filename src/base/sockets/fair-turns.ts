import { setImmediate as nextTurn } from 'node:timers/promises';

/** Commands of one client that are answered before the others have their turn. */
const commandsPerTurn = 10;

/** Lets other clients have their turn between the commands of one that has sent thousands at once. */
export class FairTurns {
  #left = commandsPerTurn;

  /** To be awaited before each command. */
  async next(): Promise<void> {
    if (--this.#left > 0) return;
    this.#left = commandsPerTurn;
    await nextTurn();
  }
}
