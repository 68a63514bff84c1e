import type { ShownInvitation, ShownInvitations, ShownInvited } from '../contract.ts';
import { asked } from '../parts/asked.ts';
import { copyButton } from '../parts/copy.ts';
import { ask, openDialog } from '../parts/dialog.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { empty, trouble } from '../parts/trouble.ts';
import type { ApiError } from '../shell/api.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

const path = 'connect/invitations';
/** Somebody may use one while the page is open. */
const askEveryMs = 10_000;

/**
 * Invitations to connect a mailbox: created, revoked; the state of each. Nothing if people do not connect their own
 * mailboxes.
 */
export function invitations(context: PageContext): () => TemplateResult | typeof nothing {
  const all = asked(context, () => context.api.get<ShownInvitations>(path));
  context.every(askEveryMs, () => {
    if (all.value) void all.ask();
  });
  const invite = onSubmit(({ address, days }, form) =>
    context.run(async () => {
      const made = await context.api.send<ShownInvited>('POST', path, { address, days: Number(days) });
      form.reset();
      await Promise.all([showLink(made), all.ask()]);
    }),
  );
  const revoke = ({ id, address }: ShownInvitation) =>
    context.run(async () => {
      const text = 'Its link will no longer work.';
      const title = `Revoke the invitation of ${address}?`;
      if (!(await ask({ title, text, confirm: 'Revoke', isDangerous: true }))) return;
      await context.api.send('DELETE', `${path}/${encodeURIComponent(id)}`);
      context.toast('Invitation revoked.');
      await all.ask();
    });
  return () => {
    if ((all.error as ApiError | undefined)?.status === 404) return nothing;
    return html`<section aria-labelledby="invitations"><h2 id="invitations">Invitations</h2>
      ${all.view(
        (value) => html`${whoConnects(value)}
          ${value.invitations.length === 0 ? empty('Nobody is invited.') : list(value.invitations, context.mayOperate ? revoke : undefined)}`,
      )}
      ${context.mayOperate && all.value ? form(invite) : nothing}</section>`;
  };
}

function whoConnects({ url, domains }: ShownInvitations): TemplateResult {
  const own =
    domains.length === 0
      ? 'With an invitation people connect their own mailboxes at'
      : `People at ${domains.join(', ')} connect their own mailboxes without an invitation, others with one, at`;
  return html`<p class="hint">${own} <a href=${url}>${url}</a>. An invitation is valid once, and only for its address.</p>`;
}

function stateOf({ usedAt, expiresAt }: ShownInvitation): 'used' | 'over' | 'open' {
  if (usedAt !== null) return 'used';
  return new Date(expiresAt).getTime() <= Date.now() ? 'over' : 'open';
}

function list(all: readonly ShownInvitation[], revoke?: (invitation: ShownInvitation) => void): TemplateResult {
  return html`<ul class="lines">
    ${all.map((each) => {
      const state = stateOf(each);
      return html`<li class="removable"><p><b>${each.address}</b> ${stateMark(state)}
          <span class="hint">made ${moment(each.madeAt)} by ${each.madeBy}, ${each.usedAt === null ? html`valid until ${moment(each.expiresAt)}` : html`used ${moment(each.usedAt)} by ${each.address}`}</span></p>
        ${revoke && state === 'open' ? html`<button type="button" class="danger" aria-label="Revoke the invitation of ${each.address} …" @click=${() => revoke(each)}>Revoke …</button>` : nothing}
      </li>`;
    })}
  </ul>`;
}

function form(invite: (event: Event) => void): TemplateResult {
  return html`<form class="filters" @submit=${invite}>
    ${textField({ name: 'address', label: 'Address', type: 'email', isRequired: true })}
    <label class="field"><span>Valid for</span><select name="days">
      ${[1, 7, 30, 90].map((days) => html`<option value=${days} ?selected=${days === 7}>${days === 1 ? '1 day' : `${days} days`}</option>`)}
    </select></label>
    <button>Invite</button>
  </form>`;
}

async function showLink({ address, url, expiresAt, warning }: ShownInvited): Promise<void> {
  await openDialog(
    'The invitation',
    (dialog) => html`<p>Send this link to ${address}. It is shown only once, valid until ${moment(expiresAt)}.</p>
      <p class="command"><code>${url}</code>${copyButton(url, 'link')}</p>
      ${warning === null ? nothing : trouble({ text: warning, severity: 'warning' })}
      <div class="buttons"><button type="button" class="primary" @click=${() => dialog.close()}>Done</button></div>`,
  ).closed;
}
