import type { ShownAccountDetail, ShownAppPassword } from '../contract.ts';
import { copyButton } from '../parts/copy.ts';
import { ask, openDialog } from '../parts/dialog.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { date, moment } from '../parts/times.ts';
import { empty } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** The app passwords of an account: created, shown once, removed. */
export function appPasswords(
  context: PageContext,
  { username, appPasswords: all }: ShownAccountDetail,
  changed: () => Promise<void>,
): TemplateResult {
  const path = `accounts/${encodeURIComponent(username)}/app-passwords`;
  const make = onSubmit(({ name }, form) =>
    context.run(async () => {
      const { password } = await context.api.send<{ password: string }>('POST', path, { name });
      form.reset();
      await Promise.all([showPassword(password, username), changed()]);
    }),
  );
  const remove = (entry: ShownAppPassword) =>
    context.run(async () => {
      const text = 'Programs that log in with it are refused from then on.';
      const isConfirmed = await ask({ title: `Remove “${entry.name}”?`, text, confirm: 'Remove', isDangerous: true });
      if (!isConfirmed) return;
      await context.api.send('DELETE', `${path}/${encodeURIComponent(entry.id)}`);
      context.toast('App password removed.');
      await changed();
    });
  return html`<section aria-labelledby="app-passwords"><h2 id="app-passwords">App passwords</h2>
    <p class="hint">One for each program or device, so that it can be removed without affecting the others.</p>
    ${all.length === 0 ? empty('There are no app passwords yet.', 'Name a program or device below to make one.') : passwordList(all, context.mayOperate ? remove : undefined)}
    ${
      context.mayOperate
        ? html`<form class="filters" @submit=${make}>
            ${textField({ name: 'name', label: 'Program or device', isRequired: true })}
            <button>Make a password</button>
          </form>`
        : nothing
    }</section>`;
}

function passwordList(all: readonly ShownAppPassword[], remove?: (entry: ShownAppPassword) => void): TemplateResult {
  return html`<ul class="lines">
    ${all.map(
      (each) => html`<li class="removable"><p><b>${each.name}</b> <span class="hint">${usedText(each)}</span></p>
        ${remove ? html`<button type="button" class="danger" aria-label="Remove ${each.name} …" @click=${() => remove(each)}>Remove …</button>` : nothing}
      </li>`,
    )}
  </ul>`;
}

function usedText({ createdAt, lastUsedAt }: ShownAppPassword): TemplateResult {
  return html`made ${date(createdAt)}, ${lastUsedAt ? html`last used ${moment(lastUsedAt)}` : 'not used yet'}`;
}

async function showPassword(password: string, username: string): Promise<void> {
  await openDialog(
    'The new password',
    (dialog) => html`<p>It is shown only once. Enter it in the program, with the username <code>${username}</code>.</p>
      <p class="command"><code class="big-code">${password}</code>${copyButton(password, 'password')}</p>
      <div class="buttons"><button type="button" class="primary" @click=${() => dialog.close()}>Done</button></div>`,
  ).closed;
}
