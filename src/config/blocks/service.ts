import { z } from 'zod';
import { block, isHost, mailbox, path, type Sources, secret } from '../fields.ts';

/** A whole number with its bounds and default. */
const count = (lowest: number, highest: number, standard: number, description: string) =>
  z.int().min(lowest).max(highest).default(standard).meta({ description });

/** `log` */
export const logBlock = () =>
  block({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').meta({
      description: 'The lowest level that is logged.',
    }),
    format: z.exactOptional(z.enum(['pretty', 'json'])).meta({
      description: '`pretty` for people, `json` for machines. Default: `pretty` on a terminal, otherwise `json`.',
    }),
  });

function postgresUrlProblem(url: string): string | undefined {
  return /^postgres(?:ql)?:\/\/[^@/?]+@/.test(url) ? undefined : 'must be postgres://USER:PASSWORD@HOST:PORT/DATABASE';
}

/** `queue.postgres` */
const postgresBlock = (sources: Sources) =>
  block({
    url: secret(sources, postgresUrlProblem, 'queue').meta({
      description:
        '`postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `HOST1:PORT,HOST2:PORT` for servers of which one at a time accepts writes. TLS is required, and the certificate is checked, unless the server is on this machine; `?sslmode=disable` turns that off. Other parameters: `sslmode=verify-ca`, `sslcert`, `sslkey`, `application_name`.',
    }),
    caFile: z.exactOptional(path(sources)).meta({
      description:
        "Certificate authority (PEM) that signed the server's certificate. Default: those that Node.js trusts.",
    }),
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,39}$/, {
        error: 'must be lower-case letters, digits and "_", at most 40, and not begin with a digit',
      })
      .default('mailbridge')
      .meta({
        description: 'Schema of the tables, created at the first start. Bridges with the same schema share their mail.',
      }),
    poolSize: count(
      2,
      200,
      10,
      'Maximum number of connections to PostgreSQL that one instance has open, not counting one that listens, and five for mailboxes that are read through Graph.',
    ),
  });

/** `queue` */
export const queueBlock = (sources: Sources) =>
  block({
    store: z.enum(['sqlite', 'postgres']).default('sqlite').meta({
      description:
        'Where accepted mail is kept: `sqlite`, a database in `dataDir`, for one bridge; `postgres`, a PostgreSQL database, for one or several.',
    }),
    postgres: z
      .exactOptional(postgresBlock(sources))
      .meta({ description: 'The database, with `store: "postgres"`; with `"sqlite"` for `queue migrate`.' }),
    expireAfterHours: count(1, 720, 48, 'Hours after which an undelivered message bounces to the sender.'),
    delayWarningHours: count(
      0,
      720,
      4,
      'Hours after which the sender of a message that is still waiting gets a delay warning, once. `0`: never.',
    ),
    failuresTo: z.exactOptional(mailbox()).meta({
      description:
        'Address of an administrator who is notified, besides the sender, of every message that was given up. Sent as the mailbox that the message was to be sent as.',
    }),
    retainDeliveredDays: count(
      0,
      365,
      7,
      'Days for which delivered messages stay listed, without their content. `0`: not at all.',
    ),
    retainFailedDays: count(
      0,
      365,
      14,
      'Days for which messages that were given up stay in the queue with their content, to be looked at, exported or released. `0`: not at all.',
    ),
    keepSubjects: z.boolean().default(true).meta({
      description:
        'Whether the queue keeps the subject of each message, decoded, for lists and searches. `false`: not for messages accepted from then on.',
    }),
    maxMegabytes: z.exactOptional(z.int().min(1).max(10_000_000)).meta({
      description:
        'Maximum size of the queue, in MB of 1,048,576 bytes, messages that were given up included. Beyond that clients get `452` and try again. Default: limited only by the disk.',
    }),
    maxMessages: z.exactOptional(z.int().min(1).max(100_000_000)).meta({
      description:
        'Maximum number of messages in the queue, counted the same way; over all instances. Default: unlimited.',
    }),
    minFreeMegabytes: count(
      0,
      1_000_000,
      100,
      'MB that must stay free on the disk of `dataDir`, with `store: "sqlite"`. With less, clients get `452` and try again; delivery continues.',
    ),
    retryBaseSeconds: count(
      1,
      86_400,
      60,
      'Seconds until the second delivery attempt; the wait doubles with each further one.',
    ),
    retryMaxSeconds: count(1, 86_400, 3600, 'Longest wait between attempts, in seconds; at least `retryBaseSeconds`.'),
    failoverAfterSeconds: count(
      0,
      86_400,
      60,
      'Seconds that an outage must last before mail of accounts whose `send` is a list is sent through the next entry. Failures that need an administrator, and a daily limit, switch over without this wait.',
    ),
  });

/** `retry` */
export const retryBlock = () =>
  block({
    mode: z.enum(['none', 'any', 'status-codes']).default('status-codes').meta({
      description:
        'What is retried immediately, within one delivery attempt: nothing; every temporary failure; or the answers in `statusCodes`. Never a message that may have been delivered already: the queue clears that up first. Over SMTP, only the connection and the login are retried, before anything of the message is sent.',
    }),
    statusCodes: z.array(z.int().min(400).max(599)).min(1).default([429, 503]).meta({
      description: 'HTTP status codes, and SMTP reply codes such as 421, that are retried in the mode `status-codes`.',
    }),
    maxAttempts: count(1, 20, 5, 'Number of tries within one attempt, the first included.'),
    waitSeconds: z.number().min(0).max(300).default(2).meta({
      description:
        'Seconds between tries if the server does not name a time itself. A `Retry-After` of up to 10 seconds is observed instead; a longer one ends the attempt, and the mailbox is paused until then.',
    }),
    multiplyWait: z.boolean().default(true).meta({ description: 'Doubles the wait with each try, up to 300 seconds.' }),
  });

/** `limits` */
export const limitsBlock = () =>
  block({
    messagesPerMinute: count(
      1,
      10_000,
      30,
      'Messages per minute that one mailbox sends. Exchange Online allows 30 over SMTP per login: if a person signed in, all mailboxes of the connection share them.',
    ),
    concurrentPerMailbox: z.exactOptional(z.int().min(1).max(64)).meta({
      description:
        'Deliveries at the same time for one mailbox. Default: what Microsoft allows, 3 SMTP connections (if a person signed in, for all mailboxes of the connection) and 4 requests to Graph.',
    }),
    concurrentDeliveries: count(
      1,
      10_000,
      256,
      'Deliveries at the same time over all mailboxes, which take turns; one connection takes at most three quarters of them.',
    ),
    recipientsPerDay: count(
      1,
      1_000_000,
      10_000,
      'Recipients in 24 hours that one mailbox sends to. Exchange Online allows 10,000.',
    ),
    externalRecipientsPerDay: z.exactOptional(z.int().min(1).max(10_000_000)).meta({
      description:
        'Recipients outside the tenant in 24 hours that one connection sends to, over all its mailboxes; a quarter is kept for mailboxes that have not used their even share. Microsoft allows 500 × licences^0.7 + 9,500 (Tenant External Recipient Rate Limit). Default: not counted; when Microsoft says that the limit is reached, external mail waits either way.',
    }),
    internalDomains: z
      .array(z.string().refine(isHost, { error: 'must be a domain name' }))
      .default([])
      .meta({
        title: 'domains',
        description:
          'Domains whose recipients are not external, besides those of the mailboxes: the other accepted domains of the tenant.',
      }),
    maxMessageMegabytes: z.number().positive().max(150).default(35).meta({
      description:
        'Largest message accepted from a client, in MB of 1,048,576 bytes, attachments encoded. Exchange Online accepts at most 150, and 35 unless the mailbox is set otherwise.',
    }),
    maxRecipients: count(
      1,
      1000,
      500,
      'Recipients of one message. Exchange Online allows 500 unless the mailbox is set otherwise, and never more than 1000.',
    ),
    graphMimeKilobytes: count(
      100,
      3000,
      2200,
      'Largest message sent as one MIME request to Graph, in kB of 1024 bytes before base64; larger ones are uploaded in parts, or sent over SMTP. Microsoft documents 4 MB for the request, but MIME requests larger than about 2,240 kB were seen answered with 200 and not sent.',
    ),
    maxConnections: count(1, 100_000, 500, 'Client connections open at the same time on one listener.'),
    maxConnectionsPerAddress: count(
      1,
      100_000,
      100,
      'Client connections open at the same time on one listener from one address (IPv6: one /64 network).',
    ),
    maxConnectionsPerAccount: count(
      1,
      10_000,
      20,
      'IMAP connections, and POP3 connections, that one account may have open to one mailbox at the same time. Exchange Online allows about 20 for each mailbox and protocol.',
    ),
    graphCacheMegabytes: count(
      1,
      1_000_000,
      256,
      'MB of 1,048,576 bytes that message contents may use in `dataDir`, for each mailbox that is read through Graph. The least recently read is removed first.',
    ),
    graphPollSeconds: count(
      5,
      3600,
      15,
      'Seconds between two checks for changes in a folder that a mail program has open, in a mailbox that is read through Graph. Each check takes a request; see `graphRequestsPerTenMinutes`.',
    ),
    graphRequestsPerTenMinutes: count(
      100,
      1_000_000,
      10_000,
      'Requests in 10 minutes to a mailbox that is read through Graph; a program that has to wait for one is told. Microsoft allows an app 10,000 for each mailbox: give each of several instances, or of several programs that share the app registration, its share.',
    ),
    idleTimeoutSeconds: count(10, 86_400, 300, 'Seconds an SMTP client may stay silent (RFC 5321 asks for 300).'),
    loginFailures: count(
      1,
      10_000,
      10,
      'Failed logins to one account from one address (IPv6: one /64 network) until it is blocked there. The same wrong password again counts once. An account that has logged in from an address in the last 7 days is never blocked there.',
    ),
    loginFailuresPerAddress: count(
      1,
      100_000,
      100,
      'Failed logins to all accounts from one address until it is blocked for all that have not logged in from there.',
    ),
    loginFailuresPerAccount: count(
      1,
      100_000,
      100,
      'Failed logins to one account from all addresses until it is blocked wherever it has not logged in from.',
    ),
    loginBlockSeconds: count(1, 86_400, 300, 'Seconds that a block lasts; failures older than that are forgotten.'),
  });

/** `shutdown` */
export const shutdownBlock = () =>
  block({
    drainSeconds: count(
      0,
      3600,
      0,
      'Seconds that listeners keep accepting after SIGTERM, while `/readyz` answers 503: as long as a balancer takes to notice. `graceSeconds` begins after them.',
    ),
    graceSeconds: count(
      0,
      3600,
      30,
      'Seconds that work in progress has to finish after SIGTERM, before connections are cut.',
    ),
  });
