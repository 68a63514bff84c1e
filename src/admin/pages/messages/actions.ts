import type { MessageAction } from '../contract.ts';
import { counted } from '../parts/amounts.ts';
import { ask } from '../parts/dialog.ts';
import { saveFile } from '../parts/saved-file.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** Messages to act on: these, or all that a search finds. */
export interface Chosen {
  readonly ids?: readonly string[];
  readonly filter?: Readonly<Record<string, string | readonly string[]>>;
  /** Those whose content can still be saved. */
  readonly savable: readonly string[];
}

interface ActionWords {
  readonly name: string;
  readonly hint: string;
  readonly done: string;
}

const words: Readonly<Record<MessageAction, ActionWords>> = {
  retry: { name: 'Retry', hint: 'Makes queued messages due now', done: 'due now' },
  hold: { name: 'Hold', hint: 'Keeps queued messages until they are released', done: 'held' },
  release: { name: 'Release', hint: 'Queues held and failed messages again, due now', done: 'queued again' },
  delete: { name: 'Delete …', hint: 'Removes messages permanently', done: 'deleted' },
};

const mostExports = 50;

/**
 * A button for each action.
 * @param done called and awaited after one. @returns what else to report
 */
export function chosenActions(
  context: PageContext,
  chosen: Chosen,
  done: () => Promise<string | undefined>,
  actions: readonly MessageAction[] = ['retry', 'hold', 'release', 'delete'],
): TemplateResult | typeof nothing {
  if (!context.mayOperate) return nothing;
  const { savable, ...which } = chosen;
  const run = (action: MessageAction) => context.run(() => change(context, which, action, done));
  const save = () => context.run(() => saveAll(context, savable));
  return html`<span class="buttons">
    ${actions.map(
      (each) =>
        html`<button type="button" class=${each === 'delete' ? 'danger' : nothing} title=${words[each].hint}
          @click=${() => run(each)}>${words[each].name}</button>`,
    )}
    ${savable.length > 0 && savable.length <= mostExports ? html`<button type="button" title="Saves each as it was accepted, as a file" @click=${save}>Export</button>` : nothing}
  </span>`;
}

async function change(
  { api, toast }: PageContext,
  chosen: Omit<Chosen, 'savable'>,
  action: MessageAction,
  done: () => Promise<string | undefined>,
): Promise<void> {
  const isDeletion = action === 'delete';
  if ((isDeletion || chosen.filter) && !(await isConfirmed(chosen, action))) return;
  const { changed } = await api.send<{ changed: number }>('POST', 'messages/actions', {
    action,
    ...chosen,
    ...(isDeletion && { confirm: true }),
  });
  const note = await done();
  toast([`${counted(changed, 'message')} ${words[action].done}.`, note ?? ''].join(' ').trim());
}

async function isConfirmed({ ids, filter }: Omit<Chosen, 'savable'>, action: MessageAction): Promise<boolean> {
  const what = filter ? 'every message that the search finds' : counted(ids?.length ?? 0, 'message');
  const verb = words[action].name.replace(' …', '');
  const isDangerous = action === 'delete';
  const text = isDangerous ? 'This cannot be undone.' : `${words[action].hint}.`;
  return await ask({ title: `${verb} ${what}?`, text, confirm: verb, isDangerous });
}

/** Saves the content of each message as a separate file. */
async function saveAll({ api, toast }: PageContext, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    saveFile(`${id}.eml`, await api.bytes(`messages/${encodeURIComponent(id)}/content`));
  }
  toast(`${counted(ids.length, 'message')} saved.`);
}
