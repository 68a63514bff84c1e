import type { AdminFacts } from '../admin/admin-server.ts';
import { messageStates } from '../queue/message.ts';
import type { QueueStore } from '../queue/store.ts';
import type { Upstream } from './upstream.ts';

/** What is told at the admin port. */
export function adminFacts(store: QueueStore, upstreams: () => Iterable<Upstream>): AdminFacts {
  return {
    queue: () => Object.fromEntries(messageStates.map((state) => [state, store.count(state)])),
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
