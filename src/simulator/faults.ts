/** The parts of the simulator that can be made to fail. */
export const faultTargets = ['entra', 'graph', 'smtp', 'imap', 'pop3'] as const;
export type FaultTarget = (typeof faultTargets)[number];

/**
 * `status`: refuse with `status`, `code` and `text`. `reply`: the same, for line-based protocols. `delay`: wait
 * `delayMs`, then continue. `cut-before`: destroy the connection before the request has any effect, in HTTP before its
 * body is read, in SMTP after the final dot. `cut-reading`: destroy it within the request's body. `cut-after`: destroy
 * it after the request took effect and before the reply. `cut-answering`: destroy it within the reply, in HTTP only;
 * elsewhere it is `cut-after`.
 */
export const faultKinds = [
  'status',
  'reply',
  'delay',
  'cut-before',
  'cut-reading',
  'cut-after',
  'cut-answering',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Where in an SMTP, IMAP or POP3 conversation a fault applies. */
const conversationStages = ['connect', 'auth', 'select', 'mail', 'rcpt', 'data'] as const;

/** The purpose of a Graph request. */
export const graphOperations = [
  'listFolders',
  'getFolder',
  'deltaFolders',
  'createFolder',
  'updateFolder',
  'moveFolder',
  'deleteFolder',
  'permanentDeleteFolder',
  'deltaMessages',
  'moveMessage',
  'copyMessage',
  'sendMail',
  'createMessage',
  'getMessage',
  'updateMessage',
  'deleteMessage',
  'permanentDelete',
  'send',
  'listMessages',
  'getMime',
  'addAttachment',
  'listAttachments',
  'getAttachment',
  'deleteAttachment',
  'createUploadSession',
  'uploadChunk',
  'uploadStatus',
  'cancelUpload',
  'exchangeSettings',
  'exportItems',
  'createImportSession',
  'importItem',
  'batch',
  'directory',
] as const;
export type GraphOperation = (typeof graphOperations)[number];

/** Where a fault applies: a stage of a conversation, or a Graph operation. */
export const faultStages = [...conversationStages, ...graphOperations] as const;
export type FaultStage = (typeof faultStages)[number];

/** One staged failure. */
export interface Fault {
  readonly target: FaultTarget;
  readonly kind: FaultKind;
  /** HTTP status, or SMTP reply code. */
  readonly status?: number;
  /** A Graph error code, an AADSTS number, or an enhanced status (`4.3.2`). */
  readonly code?: string;
  /** The error's text; for IMAP and POP3 the whole text of the reply. */
  readonly text?: string;
  /** Wait before the fault takes effect; `delay` does nothing else. */
  readonly delayMs?: number;
  /** `Retry-After` of an HTTP answer. */
  readonly retryAfterSeconds?: number;
  /** Only for requests about this mailbox. */
  readonly mailbox?: string;
  /** Bytes of body or reply that still pass with `cut-reading` (default 0) and `cut-answering` (default half of it). */
  readonly afterBytes?: number;
  /** Only at this stage; by default, where the target checks first. */
  readonly at?: FaultStage;
}

/** A fault and how many more requests it applies to. */
export interface ArmedFault extends Fault {
  readonly remaining: number;
}

/** The staged failures; each matching request uses one up, oldest first. */
export class Faults {
  #armed: ArmedFault[] = [];
  /** Parts that are down for everybody until reset; not in any list. */
  outages: readonly FaultTarget[] = [];

  /** @param count how many requests it applies to, 1 or more */
  add(fault: Fault, count = 1): void {
    this.#armed.push({ ...fault, remaining: count });
  }

  clear(): void {
    this.#armed = [];
  }

  list(): readonly ArmedFault[] {
    return this.#armed;
  }

  /**
   * Takes the fault for this request, if any, and uses it up.
   * @param at the stage reached; a fault without its own stage applies only at `defaultStage`
   */
  take(target: FaultTarget, mailbox?: string, at?: FaultStage, defaultStage = at): Fault | undefined {
    if (this.outages.includes(target)) return outageOf(target);
    const fits = (fault: Fault) =>
      fault.target === target &&
      (fault.mailbox === undefined || fault.mailbox.toLowerCase() === mailbox?.toLowerCase()) &&
      (at === undefined || (fault.at ?? defaultStage) === at);
    const index = this.#armed.findIndex(fits);
    const found = this.#armed[index];
    if (!found) return undefined;
    if (found.remaining > 1) this.#armed[index] = { ...found, remaining: found.remaining - 1 };
    else this.#armed.splice(index, 1);
    const { remaining: _, ...fault } = found;
    return fault;
  }
}

/** What a part that is down answers: a refusal for everybody. */
function outageOf(target: FaultTarget): Fault {
  const texts = { imap: 'BAD Server is unavailable.', pop3: '-ERR [SYS/TEMP] Server is unavailable.' };
  if (target === 'imap' || target === 'pop3') return { target, kind: 'reply', text: texts[target] };
  if (target === 'smtp') {
    return { target, kind: 'reply', status: 421, code: '4.3.2', text: 'Service not available, closing channel' };
  }
  return { target, kind: 'status', status: 503 };
}
