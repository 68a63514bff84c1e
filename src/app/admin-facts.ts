import type { AdminFacts } from '../admin/admin-server.ts';
import { messageStates } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { QueueStore } from '../queue/store.ts';
import type { Upstream } from './connections/upstream.ts';

/** What is told at the admin port. */
export function adminFacts(
  store: QueueStore,
  queue: Pick<Queue, 'breakers'>,
  upstreams: () => Iterable<Upstream>,
): AdminFacts {
  return {
    queue: () => Object.fromEntries(messageStates.map((state) => [state, store.count(state)])),
    troubles: () =>
      queue.breakers().map(({ connection, part, state, sinceMs, nextProbeAtMs, trouble }) => ({
        connection,
        part,
        state,
        since: new Date(sinceMs).toISOString(),
        nextProbe: new Date(nextProbeAtMs).toISOString(),
        code: trouble.code,
        text: trouble.text,
        ...(trouble.remedy === undefined ? {} : { remedy: trouble.remedy }),
      })),
    async signIns() {
      const people = [...upstreams()].flatMap(({ name, person }) => (person ? [{ name, person }] : []));
      return await Promise.all(
        people.map(async ({ name, person }) => {
          // A file that cannot be read helps no more than none.
          const signIn = await person.store.read().catch(() => undefined);
          const signsInByItself = person.grant.kind === 'password';
          return { connection: name, isNeeded: signIn === undefined ? !signsInByItself : signIn.ended !== undefined };
        }),
      );
    },
  };
}
