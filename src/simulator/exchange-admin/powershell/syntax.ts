import type { Cmdlet } from './cmdlet.ts';

/** A variable, with the properties read from its value. */
export interface Variable {
  readonly kind: 'variable';
  readonly line: number;
  /** In lower case: variable names are case-insensitive. */
  readonly name: string;
  readonly path: readonly string[];
}

/** Something that has a value. */
export type Expression =
  | Variable
  | { readonly kind: 'literal'; readonly value: string | number }
  /** A string in double quotes. */
  | { readonly kind: 'expandable'; readonly parts: readonly (string | Variable)[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  /** `@{Add='a'; Remove='b'}` */
  | { readonly kind: 'table'; readonly entries: readonly { readonly name: string; readonly value: Expression }[] }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'not'; readonly operand: Expression }
  | {
      readonly kind: 'operation';
      readonly operator: 'and' | 'or' | 'eq' | 'ne';
      readonly left: Expression;
      readonly right: Expression;
    };

/** A cmdlet with its arguments, by parameter name as the cmdlet spells it. */
export interface Command {
  readonly line: number;
  readonly cmdlet: Cmdlet;
  /** `switch`: named without a value. */
  readonly given: ReadonlyMap<string, Expression | 'switch'>;
}

/** Commands, each fed with the output of the one before. */
export type Pipeline = readonly [Command, ...Command[]];

export type Statement =
  | { readonly kind: 'assignment'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'foreach'; readonly item: string; readonly list: Expression; readonly body: readonly Statement[] }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly condition: Expression; readonly body: readonly Statement[] }[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: 'throw'; readonly line: number; readonly value: Expression };
