import { parseAst } from 'vitest/node';

/** A node of the syntax tree (ESTree), with its position in the text. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A node and the nodes around it, the nearest first. */
export interface Place {
  readonly node: SyntaxNode;
  readonly parents: readonly SyntaxNode[];
}

/** Types and imports do nothing at run time. */
const without = /^(TS(?!AsExpression|NonNull|Satisfies)|ImportDeclaration|ExportAllDeclaration)/;
const withoutKeys = new Set(['typeAnnotation', 'typeParameters', 'typeArguments', 'returnType', 'superTypeArguments']);

/** Every place of a program that does something at run time, in text order. */
export function placesOf(text: string): Place[] {
  const places: Place[] = [];
  const walk = (node: SyntaxNode, parents: readonly SyntaxNode[]): void => {
    if (without.test(node.type)) return;
    places.push({ node, parents });
    const around = [node, ...parents];
    for (const [key, value] of Object.entries(node)) {
      if (withoutKeys.has(key)) continue;
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, around);
    }
  };
  walk(parseAst(text, { lang: 'ts' }) as unknown as SyntaxNode, []);
  return places;
}

/** A child of a node, if it exists. */
export function childOf(node: SyntaxNode | undefined, key: string): SyntaxNode | undefined {
  const child = node?.[key];
  return isNode(child) ? child : undefined;
}

/** The children of a node in a list. */
export function childrenOf(node: SyntaxNode | undefined, key: string): readonly SyntaxNode[] {
  const children = node?.[key];
  return Array.isArray(children) ? children.filter(isNode) : [];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof (value as SyntaxNode | null)?.type === 'string';
}
