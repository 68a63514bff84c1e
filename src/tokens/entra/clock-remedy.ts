const time = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[\d.]*Z?`;
const theirs = new RegExp(`current time: ${time}`, 'i');
const from = new RegExp(`valid from ${time}`, 'i');
const until = new RegExp(`expiry time of assertion ${time}`, 'i');

/**
 * Returns what to do about an assertion that arrived too early or too late, with the times that Microsoft names.
 * @param said "… Current time: T, assertion valid from T, expiry time of assertion T."
 * @returns undefined if the text names no time
 */
export function clockRemedy(said: string, nowMs: number): string | undefined {
  const theirTime = theirs.exec(said)?.[1];
  if (theirTime === undefined) return undefined;
  const ours = new Date(nowMs).toISOString().slice(0, 19);
  const bounds = [
    ['from', from.exec(said)?.[1]],
    ['until', until.exec(said)?.[1]],
  ].flatMap(([word, at]) => (at === undefined ? [] : [`${word} ${at}Z`]));
  const validity = bounds.length === 0 ? '' : `, and the assertion is valid ${bounds.join(' ')}`;
  return `Set the clock of this machine: it says ${ours}Z, that of Microsoft ${theirTime}Z${validity}. If the clock is right and clientAssertionFile is used, have its assertion renewed.`;
}
