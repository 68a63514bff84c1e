import { setPriority } from 'node:os';
import { Attack } from './attack.ts';
import type { Ports } from './world.ts';

/** The hostile clients run in their own low-priority process: real ones have their own processors. */
export interface AttackOrder {
  readonly ports: Ports;
  readonly addresses: readonly string[];
  readonly each: number;
}

const niceness = 10;

setPriority(niceness);

let attack: Attack | undefined;

process.on('message', (message: AttackOrder | 'stop') => {
  if (message !== 'stop') attack = new Attack(message.ports, message.addresses, message.each);
  else {
    attack?.stop('end');
    process.send?.(attack?.connections ?? 0);
  }
});
