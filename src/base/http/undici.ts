import { createRequire } from 'node:module';
import type { Agent, Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';

/** The parts of undici that the bridge uses. */
export interface UndiciParts {
  readonly Agent: typeof Agent;
  readonly EnvHttpProxyAgent: typeof EnvHttpProxyAgent;
  readonly Pool: typeof Pool;
}

const require = createRequire(import.meta.url);
let loaded: UndiciParts | undefined;

/**
 * Loads undici on first use, and only the parts needed: the whole package includes fetch, caches and mocks and costs 14
 * MB of resident memory instead of 3. The version is pinned, so the inner paths cannot move unnoticed.
 */
export function loadUndici(): UndiciParts {
  if (loaded) return loaded;
  const dispatcher: typeof Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
  // As in undici's own index: request(), connect() … become methods of every dispatcher.
  Object.assign(dispatcher.prototype, require('undici/lib/api/index.js'));
  loaded = {
    Agent: require('undici/lib/dispatcher/agent.js'),
    EnvHttpProxyAgent: require('undici/lib/dispatcher/env-http-proxy-agent.js'),
    Pool: require('undici/lib/dispatcher/pool.js'),
  };
  return loaded;
}
