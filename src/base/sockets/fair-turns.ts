import { setImmediate as nextTurn } from 'node:timers/promises';

/** Commands of one client answered before the others get their turn. */
const commandsPerTurn = 10;

/** Gives other clients their turn between the commands of one that has sent thousands at once. */
export class FairTurns {
  #left = commandsPerTurn;

  /** Await it before each command. */
  async next(): Promise<void> {
    if (--this.#left > 0) return;
    this.#left = commandsPerTurn;
    await nextTurn();
  }
}
