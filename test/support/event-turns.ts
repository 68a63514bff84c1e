/** Waits this many turns of the event loop; works while timers are faked. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves once a number has stopped changing for a good while. @returns the number */
export async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let quiet = 0; quiet < 25; quiet++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (read() !== last) quiet = -1;
    last = read();
  }
  return last;
}

/** Resolves once the condition is true; works while timers are faked. The test's own timeout is the limit. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turns(1);
}
