import type { Arguments } from './arguments.ts';
import type { Parameter } from './parameter.ts';
import type { Row } from './value.ts';

/** A PowerShell session as cmdlets see it. */
export interface PowerShellSession {
  /** Whether Connect-ExchangeOnline was run: its cmdlets do not exist before. */
  connected: boolean;
  /** The script's output for people. */
  readonly host: string[];
}

/** A declared cmdlet: its parameters, and what it does. */
export interface Cmdlet {
  readonly name: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** Parameters that can be given without their names, in this order. */
  readonly positions: readonly string[];
  /** Available only when connected to Exchange Online. */
  readonly ofExchange: boolean;
  /** Asks "Are you sure?" unless given `-Confirm:$false`. */
  readonly asks: boolean;
  /** @throws CmdletError which PowerShell shows in red */
  run(given: Arguments, session: PowerShellSession): readonly Row[];
}

/** Cmdlets that can end a pipeline and only look at their input. */
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

/** Declares a cmdlet that is available without a connection. */
export function localCmdlet(
  name: string,
  parameters: Readonly<Record<string, Parameter>>,
  positions: readonly string[],
  run: Cmdlet['run'],
): Cmdlet {
  return { name, parameters: { ...parameters, ...common }, positions, ofExchange: false, asks: false, run };
}
