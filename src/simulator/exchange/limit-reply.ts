import { SmtpReply } from '../../smtp/session.ts';
import type { LimitName } from '../delivery/violations.ts';
import { frontEndName } from './front-end.ts';

/** Exchange's reply after DATA when a limit is exceeded; daily limits get a permanent error. */
export function limitReply(limit: LimitName, recipientQuotaCode: '5.2.0' | '5.1.90'): SmtpReply {
  if (limit === 'externalRecipientsPerDay') {
    const text = `Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit) [Hostname=${frontEndName}]`;
    return new SmtpReply(550, '5.7.233', text);
  }
  if (limit !== 'recipientsPerDay') {
    const text = `STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=${frontEndName}]`;
    return new SmtpReply(432, '4.3.2', text);
  }
  if (recipientQuotaCode === '5.1.90') {
    const text = `Your message can't be sent because you've reached your daily limit for message recipients [Hostname=${frontEndName}]`;
    return new SmtpReply(550, '5.1.90', text);
  }
  const cause = 'STOREDRV.Submission.Exception:SubmissionQuotaExceededException';
  const text = `${cause}; Failed to process message due to a permanent exception with message The message can't be submitted because the sender's submission quota was exceeded. [Hostname=${frontEndName}]`;
  return new SmtpReply(554, '5.2.0', text);
}
