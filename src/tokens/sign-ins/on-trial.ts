import { OneAtATime } from '../../base/one-at-a-time.ts';
import type { SignIn, SignInChange, SignInStore } from './store.ts';

/** Keeps a sign-in in memory until it has proved to work; the one on disk stays unchanged meanwhile. */
export class SignInOnTrial implements SignInStore {
  readonly #changes = new OneAtATime();
  #signIn: SignIn | undefined;

  async read(): Promise<SignIn | undefined> {
    return this.#signIn;
  }

  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T> {
    return this.#changes.run(async () => {
      const { signIn, result } = await change(this.#signIn);
      if (signIn !== undefined) this.#signIn = signIn;
      return result;
    });
  }

  replace(signIn: SignIn): Promise<void> {
    return this.#changes.run(async () => {
      this.#signIn = signIn;
    });
  }

  remove(): Promise<void> {
    return this.#changes.run(async () => {
      this.#signIn = undefined;
    });
  }
}
