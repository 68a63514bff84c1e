import { BridgeError, errorText } from '../../base/errors.ts';

/** A failure as shown on a page. */
export interface ToldFailure {
  readonly code?: string;
  readonly text: string;
  readonly remedy?: string;
}

/** Background work as shown on a page. */
export interface TaskView<T> {
  readonly state: 'idle' | 'running' | 'done' | 'failed';
  readonly shown: T;
  readonly failure?: ToldFailure;
}

/** What the work of a task gets. */
export interface TaskWork<T> {
  /** Aborted when the task is cancelled or begun again. */
  readonly signal: AbortSignal;
  /** Changes what is shown. */
  show(change: (shown: T) => T): void;
}

/** Background work that can be repeated after a failure; what it shows is kept for people who return. */
export class Task<T> {
  readonly #nothing: T;
  readonly #onChange: () => void;
  #view: TaskView<T>;
  #running: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

  /** @param nothing shown before it begins */
  constructor(nothing: T, onChange: () => void) {
    this.#nothing = nothing;
    this.#onChange = onChange;
    this.#view = { state: 'idle', shown: nothing };
  }

  get view(): TaskView<T> {
    return this.#view;
  }

  get isRunning(): boolean {
    return this.#view.state === 'running';
  }

  /** Begins, replacing a task that runs. Never rejects: {@link view} shows how it ended. */
  begin(work: (task: TaskWork<T>) => Promise<void>): void {
    const before = this.#running;
    before?.abort.abort();
    const abort = new AbortController();
    this.#set({ state: 'running', shown: this.#nothing });
    const ended = this.#run(work, abort.signal, before?.ended);
    this.#running = { abort, ended };
  }

  /** Ends the running work, and forgets it. */
  cancel(): void {
    this.#running?.abort.abort();
    this.#set({ state: 'idle', shown: this.#nothing });
  }

  /** Ends the running work, and resolves once it has ended. */
  async close(): Promise<void> {
    this.#running?.abort.abort();
    await this.#running?.ended;
  }

  async #run(work: (task: TaskWork<T>) => Promise<void>, signal: AbortSignal, before?: Promise<void>): Promise<void> {
    await before;
    const show = (change: (shown: T) => T) => {
      if (!signal.aborted) this.#set({ ...this.#view, shown: change(this.#view.shown) });
    };
    try {
      await work({ signal, show });
      if (!signal.aborted) this.#set({ state: 'done', shown: this.#view.shown });
    } catch (error) {
      if (!signal.aborted) this.#set({ state: 'failed', shown: this.#view.shown, failure: toldFailure(error) });
    }
  }

  #set(view: TaskView<T>): void {
    this.#view = view;
    this.#onChange();
  }
}

/** What to show of a failure; for an unforeseen one only its text. */
export function toldFailure(error: unknown): ToldFailure {
  if (!(error instanceof BridgeError)) return { text: errorText(error) };
  const { code, message: text, remedy } = error;
  return { code, text, remedy };
}
