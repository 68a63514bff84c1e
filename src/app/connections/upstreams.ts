import type { Log } from '../../base/log.ts';
import type { Config } from '../../config/schema.ts';
import type { Upstream } from './upstream.ts';

/** Opens all connections of a configuration, or none. */
export async function openUpstreams(
  { connections }: Config,
  open: (name: string) => Promise<Upstream>,
): Promise<ReadonlyMap<string, Upstream>> {
  const upstreams = new Map<string, Upstream>();
  try {
    for (const name of Object.keys(connections)) upstreams.set(name, await open(name));
    return upstreams;
  } catch (error) {
    await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    throw error;
  }
}

/** Closes them, each when it is not in use any more. */
export async function closeUpstreams(upstreams: ReadonlyMap<string, Upstream>, log: Log): Promise<void> {
  const closed = await Promise.allSettled([...upstreams.values()].map((upstream) => upstream.close()));
  for (const each of closed) {
    if (each.status === 'rejected') log.warn({ error: each.reason }, 'cannot close a connection');
  }
}
