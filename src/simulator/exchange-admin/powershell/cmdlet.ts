import type { Arguments } from './arguments.ts';
import type { Parameter } from './parameter.ts';
import type { Row } from './value.ts';

/** A session of PowerShell, as far as cmdlets see it. */
export interface PowerShellSession {
  /** Whether Connect-ExchangeOnline was run: its cmdlets are not there before. */
  connected: boolean;
  /** What the script shows to people. */
  readonly host: string[];
}

/** A cmdlet as it is declared: what it is called with, and what it does. */
export interface Cmdlet {
  readonly name: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** Parameters that may be given without their names, in this order. */
  readonly positions: readonly string[];
  /** It comes with the connection to Exchange Online. */
  readonly ofExchange: boolean;
  /** It asks "Are you sure?" unless told not to with `-Confirm:$false`. */
  readonly asks: boolean;
  /** @throws CmdletError what PowerShell shows in red */
  run(given: Arguments, session: PowerShellSession): readonly Row[];
}

/** What may end a pipeline and only looks at what it is given. */
export const formatters: readonly string[] = ['Out-Null', 'Format-List', 'Format-Table'];

const common: Readonly<Record<string, Parameter>> = {
  ErrorAction: { type: 'text' },
  WarningAction: { type: 'text' },
  Verbose: { type: 'switch' },
};

/** Declares a cmdlet of the Exchange Online module. @param run what it does */
export function exchangeCmdlet(
  name: string,
  parameters: Readonly<Record<string, Parameter>>,
  run: Cmdlet['run'],
  { positions = [], asks = false }: { readonly positions?: readonly string[]; readonly asks?: boolean } = {},
): Cmdlet {
  const all = { ...parameters, ...common, Confirm: { type: 'switch' } } as const;
  return { name, parameters: all, positions, ofExchange: true, asks, run };
}

/** Declares a cmdlet that is there without a connection. */
export function localCmdlet(
  name: string,
  parameters: Readonly<Record<string, Parameter>>,
  positions: readonly string[],
  run: Cmdlet['run'],
): Cmdlet {
  return { name, parameters: { ...parameters, ...common }, positions, ofExchange: false, asks: false, run };
}
