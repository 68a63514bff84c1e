import type { Origin, SecretKind } from './record.ts';

/** A secret that a command intentionally prints on its standard output. */
interface Exception {
  readonly command: string;
  readonly kinds: readonly SecretKind[];
  readonly why: string;
}

export const exceptions: readonly Exception[] = [
  {
    command: 'init',
    kinds: ['configured secret', 'password at a login'],
    why: 'shows the password that it has made, once',
  },
  { command: 'demo', kinds: ['configured secret'], why: 'its password is for the visitor' },
  { command: 'account', kinds: ['user password'], why: 'shows the app password that it has made, once' },
  { command: 'admin', kinds: ['admin token', 'configured secret'], why: 'is asked for the token' },
  { command: 'simulate', kinds: ['client secret', 'user password', 'identity header'], why: 'is asked for them' },
];

/** Whether a secret is allowed where it was found. */
export function isShownOnPurpose({ command, stream }: Origin, kinds: ReadonlySet<SecretKind>): boolean {
  return exceptions.some(
    (each) =>
      each.command === command?.[0] && stream === 'standard output' && each.kinds.some((kind) => kinds.has(kind)),
  );
}
