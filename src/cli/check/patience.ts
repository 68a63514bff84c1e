import type { HopResult } from '../../app/connections/check.ts';

/** Between two rounds. */
export const pollMs = 60_000;
/** Two hours: as long as Microsoft says that permissions in Exchange take. */
const exchangePolls = 120;
/** Entra ID distributes a registration, a consent or a permission within minutes. */
const entraPolls = 15;

/** Whether waiting may fix all failures. @param polls made so far */
export function mayArrive(hops: readonly HopResult[], polls: number): boolean {
  const failed = failedOf(hops);
  return failed.length > 0 && failed.every((hop) => polls < pollsFor(hop));
}

/** How long Microsoft may need for the failures. */
export function patienceText(hops: readonly HopResult[]): string {
  const polls = Math.min(...failedOf(hops).map(pollsFor));
  return polls === exchangePolls ? 'two hours' : `${polls} minutes`;
}

/** Why it no longer waits, with the remedy repeated, which may have scrolled away. Undefined if nothing fails. */
export function endOfPatience(hops: readonly HopResult[]): string | undefined {
  const [first] = failedOf(hops).toSorted((a, b) => pollsFor(a) - pollsFor(b));
  if (!first) return undefined;
  const why = pollsFor(first) === 0 ? 'Waiting does not cure this' : `It has not come within ${patienceText([first])}`;
  const remedy = first.remedy === undefined ? '' : ` ${first.remedy.replaceAll('\n', ' ')}`;
  return `${why}: ${`${first.hop} ${first.target}`.trim()}.${remedy}`;
}

function failedOf(hops: readonly HopResult[]): HopResult[] {
  return hops.filter(({ status }) => status === 'failed');
}

/** How often it makes sense to retry the failure; 0: waiting does not fix it. */
function pollsFor({ hop, spreading }: HopResult): number {
  if (spreading !== true) return 0;
  return hop === 'token' || hop === 'permission' ? entraPolls : exchangePolls;
}
