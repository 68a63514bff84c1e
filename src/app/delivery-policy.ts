import type { AccountConfig, Config, QueueConfig } from '../config/schema.ts';
import type { DeliveryPolicy } from '../couriers/policy.ts';
import { mailboxAt } from '../message/address/pattern.ts';
import type { CourierOrder } from '../message/courier-kind.ts';
import type { NoticeAddresses } from '../notices/readers.ts';

/** What an account wants from its couriers. An account that is no longer configured wants nothing special. */
export function deliveryPolicy(config: Config, username: string): DeliveryPolicy {
  const account = accountOf(config, username);
  return {
    envelope: account?.envelope ?? 'auto',
    onAmbiguity: account?.onAmbiguity ?? 'resend',
    ...(account?.send && { couriers: account.send }),
  };
}

/** What a look at the queue has to know about couriers. */
export function failoverOf(config: Config) {
  return {
    couriersOf: ({ account }: { readonly account: string }) => sendingOrder(config, account),
    failoverAfterMs: config.queue.failoverAfterSeconds * 1000,
  };
}

const orders = new WeakMap<Config, ReadonlyMap<string, CourierOrder>>();

/** The couriers of an account, called for every message; undefined if it is gone, or may no longer send. */
export function sendingOrder(config: Config, username: string): CourierOrder | undefined {
  let known = orders.get(config);
  if (!known) {
    known = new Map(config.accounts.flatMap(({ username, send }) => (send ? [[username, send] as const] : [])));
    orders.set(config, known);
  }
  return known.get(username) ?? accountOf(config, username)?.send;
}

/** Whether copies of what an account sends are to be removed from Sent Items. */
export function removesCopies(config: Config, username: string): boolean {
  return accountOf(config, username)?.sentItems === 'remove';
}

/** Who is notified of failures of an account's mail. */
export function noticeAddresses(config: Config, username: string, { failuresTo }: QueueConfig): NoticeAddresses {
  const { bounceTo } = accountOf(config, username) ?? {};
  return { ...(bounceTo === undefined ? {} : { bounceTo }), ...(failuresTo === undefined ? {} : { failuresTo }) };
}

/** @param username of the account, or the address of one of the people of an account for many */
function accountOf({ accounts }: Config, username: string): AccountConfig | undefined {
  return (
    accounts.find((each) => each.username === username) ??
    accounts.find((each) => mailboxAt(each.username, username) !== undefined)
  );
}
