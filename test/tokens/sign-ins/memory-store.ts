import type { SignIn, SignInStore } from '../../../src/tokens/sign-ins/store.ts';

/** A sign-in store without a file, for one process. */
export class MemorySignInStore implements SignInStore {
  signIn: SignIn | undefined;
  #last: Promise<unknown> = Promise.resolve();

  async read() {
    return this.signIn;
  }

  update: SignInStore['update'] = (change) =>
    this.#alone(async () => {
      const { signIn, result } = await change(this.signIn);
      if (signIn !== undefined) this.signIn = signIn;
      return result;
    });

  replace(signIn: SignIn) {
    return this.#alone(async () => {
      this.signIn = signIn;
    });
  }

  remove() {
    return this.#alone(async () => {
      this.signIn = undefined;
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
