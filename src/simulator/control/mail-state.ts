import { z } from 'zod';
import type { SendingLimitSettings, SendingLimits } from '../delivery/sending-limits.ts';
import type { Transport } from '../delivery/transport.ts';
import { type Faults, faultTargets } from '../faults.ts';
import type { ImportSessions } from '../graph/exchange-items/import-sessions.ts';
import type { GraphBehaviour } from '../graph/mail/behaviour.ts';
import type { UploadSessions } from '../graph/mail/drafts/upload-sessions.ts';

const limit = z.int().min(0).nullable();
const mailboxLimits = { messagesPerMinute: limit, recipientsPerDay: limit };
const address = z.string().transform((text) => text.toLowerCase());

/** What `PATCH /state` can change about sending mail. */
export const mailFields = {
  sendingLimits: z
    .strictObject({
      ...mailboxLimits,
      externalRecipientsPerDay: limit,
      sameDomainRecipients: limit,
      uploadBytesPer5Minutes: limit,
      graphRequestsPer10Minutes: limit,
      recipientQuotaCode: z.enum(['5.2.0', '5.1.90']),
      mailboxes: z.array(z.strictObject({ mailbox: address, ...z.object(mailboxLimits).partial().shape })),
    })
    .partial(),
  sentItemsDelayMs: z.int().min(0).max(3_600_000),
  sentItemsOffFor: z.array(address),
  uploadSessionLifetimeSeconds: z.int().min(-3600).max(604_800),
  importSessionLifetimeSeconds: z.int().min(-3600).max(604_800),
  outages: z.array(z.enum(faultTargets)),
  graphLatencyMs: z.int().min(0).max(600_000),
  graphDeltaExtendedProperties: z.boolean(),
  graphDeltaLosesMoves: z.boolean(),
};

interface MailParts {
  readonly limits: SendingLimits;
  readonly transport: Transport;
  readonly uploads: UploadSessions;
  readonly imports: ImportSessions;
  readonly behaviour: GraphBehaviour;
  readonly faults: Faults;
}

/** The same, as `GET /state` shows it. */
export function readMailState({ limits, transport, uploads, imports, behaviour, faults }: MailParts) {
  const { delayMs, offFor } = transport.sentItems.settings;
  return {
    sendingLimits: limits.settings,
    sentItemsDelayMs: delayMs,
    sentItemsOffFor: offFor,
    uploadSessionLifetimeSeconds: uploads.lifetimeSeconds,
    importSessionLifetimeSeconds: imports.lifetimeSeconds,
    outages: faults.outages,
    graphLatencyMs: behaviour.latencyMs,
    graphDeltaExtendedProperties: behaviour.deltaExtendedProperties,
    graphDeltaLosesMoves: behaviour.deltaLosesMoves,
  };
}

export function patchMailState(
  { limits, transport, uploads, imports, behaviour, faults }: MailParts,
  patch: { readonly [name in keyof typeof mailFields]?: z.infer<(typeof mailFields)[name]> | undefined },
): void {
  const { sendingLimits, sentItemsDelayMs, sentItemsOffFor, uploadSessionLifetimeSeconds, outages } = patch;
  // JSON has no undefined.
  if (sendingLimits) limits.set(sendingLimits as Partial<SendingLimitSettings>);
  if (sentItemsDelayMs !== undefined) transport.sentItems.set({ delayMs: sentItemsDelayMs });
  if (sentItemsOffFor) transport.sentItems.set({ offFor: sentItemsOffFor });
  if (uploadSessionLifetimeSeconds !== undefined) uploads.lifetimeSeconds = uploadSessionLifetimeSeconds;
  imports.lifetimeSeconds = patch.importSessionLifetimeSeconds ?? imports.lifetimeSeconds;
  if (outages) faults.outages = outages;
  behaviour.latencyMs = patch.graphLatencyMs ?? behaviour.latencyMs;
  behaviour.deltaExtendedProperties = patch.graphDeltaExtendedProperties ?? behaviour.deltaExtendedProperties;
  behaviour.deltaLosesMoves = patch.graphDeltaLosesMoves ?? behaviour.deltaLosesMoves;
}
