import type { AccountDirectory } from '../accounts/directory.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
import type { Upstreams } from './connections/upstreams.ts';
import type { ListenerTls } from './listener-certificates.ts';

/** What a reload replaces. */
export interface BridgeState {
  readonly config: Config;
  readonly directory: AccountDirectory;
  readonly upstreams: Upstreams;
}

/** An open port. */
export interface OpenListener {
  readonly protocol: ListenerConfig['protocol'];
  readonly host: string;
  readonly port: number;
  readonly security: ListenerConfig['security'];
  /** Clients connected now. */
  clients(): number;
  updateTls(material: ListenerTls): void;
  close(graceMs: number): Promise<void>;
}
