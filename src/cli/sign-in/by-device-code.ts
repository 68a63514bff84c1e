import { BridgeError } from '../../base/errors.ts';
import { signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import type { SignedIn } from '../../tokens/sign-ins/user-sign-in.ts';
import { DeviceCodeDisplay } from './device-code-display.ts';
import type { SignInRequest, SignInTerminal } from './terminal.ts';

/**
 * Signs a person in by a code that they enter on any device. A person who takes too long gets a new code.
 * @throws BridgeError see `signInByDeviceCode`, but never `device-code-expired`
 */
export async function signInWithCode(signIn: SignInRequest, terminal: SignInTerminal): Promise<SignedIn> {
  for (;;) {
    const display = new DeviceCodeDisplay(signIn.invitation, terminal);
    try {
      const { signal } = terminal;
      return await signInByDeviceCode({ ...signIn, signal, onCode: (code) => display.show(code) });
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'device-code-expired') throw error;
      display.end();
      terminal.tell('That code has expired. Here is a new one.');
    } finally {
      display.end();
    }
  }
}
