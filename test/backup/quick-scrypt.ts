import { vi } from 'vitest';

/* The key derivation of a backup is slow on purpose. Tests that make many import this first. */
vi.mock('age-encryption', async (load) => {
  const age = await load<typeof import('age-encryption')>();
  class QuickEncrypter extends age.Encrypter {
    constructor() {
      super();
      this.setScryptWorkFactor(2);
    }
  }
  return { ...age, Encrypter: QuickEncrypter };
});
