import { z } from 'zod';
import { isLoopback } from '../../base/sockets/loopback.ts';
import { block, mailbox, type Sources, secret } from '../fields.ts';

/** Unencrypted, anybody on the path would learn what is wrong here. */
function isWebhookUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, '')));
}

function webhookSecretProblem(text: string): string | undefined {
  return text.length < 16 ? 'must be at least 16 characters long' : undefined;
}

const webhookBlock = (sources: Sources) =>
  block({
    url: z
      .string()
      .refine(isWebhookUrl, { error: 'must be an https:// URL without a password (http:// only on this machine)' })
      .meta({ title: 'URL', description: 'Where each alert is posted to, as JSON.' }),
    secret: secret(sources, webhookSecretProblem).meta({
      description:
        'Key of the signature in `X-Mailbridge-Signature`, by which the receiver recognizes the bridge: at least 16 characters.',
    }),
  });

const days = z.int().min(1).max(365);

/** `alerts` */
export const alertsBlock = (sources: Sources) =>
  block({
    mailTo: z.exactOptional(mailbox()).meta({
      description: 'Address of an administrator, who gets each alert as a message; `account` sends it.',
    }),
    account: z.exactOptional(z.string()).meta({
      title: 'username',
      description:
        'Account whose first mailbox sends the alerts; it needs `send`. If you can, choose one whose connection does not fail with the others: the message waits in the queue like any other.',
    }),
    webhook: z.exactOptional(webhookBlock(sources)).meta({ description: 'A program that gets each alert.' }),
    expiryDays: z.array(days).min(1).max(10).default([30, 7, 1]).meta({
      title: 'days',
      description: 'Days before a secret, certificate or sign-in ends on which an alert is sent, once each.',
    }),
    troubleMinutes: z.int().min(1).max(10_080).default(15).meta({
      description: 'Minutes for which a connection is in trouble before an alert is sent.',
    }),
    queueWaitMinutes: z.int().min(1).max(43_200).default(60).meta({
      description: 'Minutes for which the oldest queued message has waited before an alert is sent.',
    }),
  });
