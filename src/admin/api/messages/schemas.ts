import { z } from 'zod';
import { moment, searchText } from '../schemas.ts';

export const messageStates = ['queued', 'held', 'delivered', 'failed', 'quarantined'] as const;

const messageId = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9]{1,40}$/, { error: 'must be a queue id' })
    .meta({ description: 'Queue id.' });

/** A list in a query: `state=held&state=failed`, or `state=held,failed`. */
const listOf = <T extends z.ZodType>(item: T, most: number) =>
  z.preprocess(
    (value) => (value === undefined ? undefined : [value].flat().flatMap((each) => String(each).split(','))),
    z.array(item).min(1).max(most).optional(),
  );

/** Selects messages; all conditions given must hold. */
const choice = {
  account: searchText().optional(),
  connection: searchText().optional(),
  mailbox: searchText().optional(),
  sender: searchText().optional().meta({ description: 'The reverse-path; `*` stands for any characters.' }),
  recipient: searchText().optional().meta({ description: 'Any recipient; `*` stands for any characters.' }),
  subject: searchText().optional().meta({ description: 'Part of the subject.' }),
  messageId: searchText().optional().meta({ description: 'Part of the Message-ID.' }),
  noticeAbout: messageId().optional().meta({
    description: 'Bounces and delay warnings about the message with this queue id.',
  }),
  error: searchText()
    .optional()
    .meta({ description: 'The result of the last attempt: a whole code, or part of the text.' }),
  since: moment().optional().meta({ description: 'Received at this time or later.' }),
  until: moment().optional().meta({ description: 'Received before this time.' }),
};

export const messageQuerySchema = z.strictObject({
  ...choice,
  id: listOf(messageId(), 500),
  state: listOf(z.enum(messageStates), messageStates.length),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: messageId().optional().meta({ description: '`next` of the previous page.' }),
});
export type MessageQuery = z.output<typeof messageQuerySchema>;

const messageFilterSchema = z.strictObject({
  ...choice,
  ids: z.array(messageId()).min(1).max(500).optional(),
  states: z.array(z.enum(messageStates)).min(1).optional(),
});
/** The objects of an action. */
export type ChosenMessages = z.output<typeof messageFilterSchema>;

export const messageActions = ['retry', 'hold', 'release', 'delete'] as const;
export type MessageAction = (typeof messageActions)[number];

export const actionSchema = z
  .strictObject({
    action: z.enum(messageActions),
    ids: z.array(messageId()).min(1).max(500).optional(),
    filter: messageFilterSchema.optional().meta({ description: 'Instead of ids; `{}` selects every message.' }),
    confirm: z.boolean().default(false).meta({ description: 'Must be true for `delete`.' }),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    error: 'needs "ids" or "filter", one of them',
  })
  .refine(({ action, confirm }) => action !== 'delete' || confirm, {
    error: 'deletes permanently: needs "confirm": true',
    path: ['confirm'],
  });

const answered = z.strictObject({ code: z.string(), text: z.string(), remedy: z.string().optional() });

/** A message in a list. */
export const messageSchema = z.strictObject({
  id: z.string(),
  state: z.enum(messageStates),
  account: z.string(),
  connection: z.string(),
  mailbox: z.string(),
  courier: z.string(),
  sender: z.string().meta({ description: 'The reverse-path; empty for `<>`.' }),
  recipients: z.array(z.strictObject({ address: z.string(), state: z.enum(['pending', 'delivered', 'failed']) })),
  subject: z.string().nullable(),
  messageId: z.string().nullable(),
  bytes: z.int(),
  receivedAt: moment(),
  nextAttemptAt: moment().optional(),
  finishedAt: moment().optional(),
  attempts: z.int(),
  last: answered.optional().meta({ description: 'The last result for a recipient that has not been delivered to.' }),
});
export type ToldMessage = z.infer<typeof messageSchema>;

export const messagePageSchema = z.strictObject({
  messages: z.array(messageSchema),
  next: z.string().nullable().meta({ description: 'For `before`; null: this is the last page.' }),
});
export type MessagePage = z.infer<typeof messagePageSchema>;

const outcomeSchema = z.strictObject({
  address: z.string(),
  state: z.enum(['delivered', 'temporary', 'permanent', 'needs-admin']),
  code: z.string(),
  text: z.string(),
  reply: z.string().meta({ description: 'The reply, or what happened if there was none.' }),
  saidBy: z.enum(['microsoft', 'bridge']).meta({ description: 'Whose words `reply` is.' }),
  remedy: z.string().optional(),
});

const attemptSchema = z.strictObject({
  startedAt: moment(),
  durationMs: z.int(),
  courier: z.string().nullable(),
  upstreamId: z.string().nullable(),
  outcomes: z.array(outcomeSchema),
  passedOver: z.array(z.strictObject({ courier: z.string(), code: z.string(), text: z.string() })),
});

/** Everything known about a message. */
export const messageDetailSchema = messageSchema.extend({
  hops: z.array(
    z.strictObject({
      at: moment().nullable(),
      what: z.string(),
      detail: z.string(),
      message: z.string().optional().meta({
        description:
          'Queue id of the other message: a notice about this one, or the message that this notice is about.',
      }),
    }),
  ),
  noticeAbout: z
    .strictObject({
      id: z.string(),
      state: z.enum(messageStates).nullable().meta({ description: 'null: the message is no longer kept.' }),
    })
    .optional()
    .meta({ description: 'For a bounce or delay warning: the message that it is about.' }),
  attemptLog: z.array(attemptSchema),
  envelope: z.strictObject({
    sender: z.string(),
    recipients: z.array(
      z.strictObject({
        address: z.string(),
        state: z.enum(['pending', 'delivered', 'failed']),
        last: answered.optional(),
        notify: z.array(z.string()).optional(),
      }),
    ),
    eightBit: z.boolean(),
    smtpUtf8: z.boolean(),
    envelopeId: z.string().optional(),
  }),
  waiting: z.strictObject({ kind: z.string(), until: moment(), reason: z.string() }).optional(),
  damage: z.string().optional(),
  hasContent: z.boolean().meta({ description: 'False for delivered messages, whose content is no longer kept.' }),
});
export type MessageDetail = z.infer<typeof messageDetailSchema>;

export const messageParams = z.strictObject({ id: messageId() });
