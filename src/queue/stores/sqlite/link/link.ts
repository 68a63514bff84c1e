import type { Engine, EngineEvent } from '../engine/engine.ts';
import { type EngineOptions, openEngine } from '../engine/open.ts';

/** Operations of an engine that can be called over a link. */
export type EngineOperation = Exclude<keyof Engine, 'close' | 'tidy'>;
export type EngineArguments<K extends EngineOperation> = Parameters<Engine[K]>;
export type EngineAnswer<K extends EngineOperation> = Awaited<ReturnType<Engine[K]>>;

/** Events of an engine: its own, and whether it can be reached. */
export type LinkEvent =
  | EngineEvent
  | { readonly kind: 'unreachable'; readonly error: unknown }
  | { readonly kind: 'reachable' };

/** A connection to an engine, in this thread or another. */
export interface EngineLink {
  /** @param handedOver memory in the arguments that is no longer used here */
  call<K extends EngineOperation>(
    operation: K,
    args: EngineArguments<K>,
    handedOver?: readonly ArrayBuffer[],
  ): Promise<EngineAnswer<K>>;
  /** Commits what waits, and ends. */
  close(): Promise<void>;
}

/** An engine in this thread, which blocks while it works. @throws as {@link openEngine} does */
export function linkHere(folder: string, options: EngineOptions, tell: (event: LinkEvent) => void): EngineLink {
  const engine = openEngine(folder, options, tell);
  let isClosed = false;
  return {
    call: async <K extends EngineOperation>(operation: K, args: EngineArguments<K>): Promise<EngineAnswer<K>> =>
      run(engine, operation, args),
    close: async () => {
      if (!isClosed) engine.close();
      isClosed = true;
    },
  };
}

/** Calls an engine. Throws what its reads throw; its changes reject. */
export function run<K extends EngineOperation>(
  engine: Engine,
  operation: K,
  args: EngineArguments<K>,
): EngineAnswer<K> | Promise<EngineAnswer<K>> {
  const method = engine[operation] as (...args: EngineArguments<K>) => EngineAnswer<K> | Promise<EngineAnswer<K>>;
  return method.apply(engine, args);
}
