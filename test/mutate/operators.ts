import { childOf, childrenOf, type Place, type SyntaxNode } from './syntax.ts';

/** A change to the text between two positions. */
export interface Change {
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Operator = (place: Place, text: string) => readonly Omit<Change, 'operator'>[];

/** Every way to break one place of a program. */
export function changesAt(place: Place, text: string): Change[] {
  return Object.entries(operators).flatMap(([operator, changes]) =>
    changes(place, text).map((change) => ({ operator, ...change })),
  );
}

const operators: Readonly<Record<string, Operator>> = {
  condition({ node, parents }, text) {
    const isTest =
      childOf(parents[0], 'test') === node && /^(If|Conditional|While|DoWhile|For)/.test(typeOf(parents[0]));
    if (!isTest) return [];
    return [
      replaced(node, node.type === 'UnaryExpression' ? text.slice(node.start + 1, node.end) : `!(${of(node, text)})`),
    ];
  },
  logic({ node }, text) {
    if (node.type !== 'LogicalExpression') return [];
    const other = { '&&': '||', '||': '&&', '??': '&&' }[node.operator as string] ?? '';
    return [between(node, text, other)];
  },
  comparison({ node, parents }, text) {
    const other = comparisons[node.operator as string];
    if (node.type !== 'BinaryExpression' || other === undefined) return [];
    // Already negated as the whole condition.
    if (/^[!=]==$/.test(node.operator as string) && childOf(parents[0], 'test') === node) return [];
    return [between(node, text, other)];
  },
  arithmetic({ node }, text) {
    const other = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '&': '|', '|': '&' }[node.operator as string];
    if (node.type !== 'BinaryExpression' || other === undefined) return [];
    const isText = ['left', 'right'].some((side) => isString(childOf(node, side)));
    return isText ? [] : [between(node, text, other)];
  },
  update({ node }, text) {
    if (node.type === 'UpdateExpression') return [replaced(node, swap(of(node, text), '++', '--'))];
    if (node.type !== 'AssignmentExpression' || !/^[+-]=$/.test(node.operator as string)) return [];
    return [between(node, text, node.operator === '+=' ? '-=' : '+=')];
  },
  negation({ node, parents }, text) {
    if (node.type !== 'UnaryExpression' || childOf(parents[0], 'test') === node) return [];
    return /^[!-]$/.test(node.operator as string) ? [replaced(node, text.slice(node.start + 1, node.end))] : [];
  },
  boolean({ node }) {
    return node.type === 'Literal' && typeof node.value === 'boolean' ? [replaced(node, String(!node.value))] : [];
  },
  number({ node }) {
    if (node.type !== 'Literal' || typeof node.value !== 'number') return [];
    // A bound that is off by one is seldom noticed; one that is zero is.
    return [replaced(node, node.value > 10 ? '0' : String(node.value + 1))];
  },
  string({ node, parents }) {
    if (!isString(node) || !isObservable(node, parents)) return [];
    const isEmpty = node.end - node.start === 2;
    return [replaced(node, isEmpty ? "'mutant'" : "''")];
  },
  regex({ node }, text) {
    if (node.regex === undefined) return [];
    const whole = of(node, text);
    const changed = ['/(?!)/', whole.replace(/^\/\^/, '/'), whole.replace(/\$(\/\w*)$/, '$1')];
    const flags = whole.replace(/i(?=[a-z]*$)/, '');
    return [...changed, flags].filter((each) => each !== whole).map((each) => replaced(node, each));
  },
  statement({ node, parents }) {
    const isCase = parents[0]?.type === 'SwitchCase';
    const isLast = /Function/.test(typeOf(parents[1])) && childrenOf(parents[0], 'body').at(-1) === node;
    if (node.type === 'ReturnStatement') {
      // `return undefined` at the end of a `catch` is for readers.
      const saysNothing = childOf(node, 'argument')?.name === 'undefined' && parents[1]?.type === 'CatchClause';
      return isLast || isCase || saysNothing ? [] : [replaced(node, ';')];
    }
    return /^(Expression|Throw|Break|Continue)Statement$/.test(node.type) ? [replaced(node, ';')] : [];
  },
  await({ node, parents }, text) {
    const argument = node.type === 'AwaitExpression' ? childOf(node, 'argument') : undefined;
    return argument && !isReturned(node, parents) ? [replaced(node, of(argument, text))] : [];
  },
  method({ node }, text) {
    const callee = node.type === 'CallExpression' ? childOf(node, 'callee') : undefined;
    const property = childOf(callee, 'property');
    const object = childOf(callee, 'object');
    if (!property || !object) return [];
    const name = of(property, text);
    const other = otherMethods[name];
    const changes = other === undefined ? [] : [replaced(property, other)];
    return passedBy.has(name) ? [...changes, replaced(node, of(object, text))] : changes;
  },
  argument({ node }) {
    if (!/^(Call|New)Expression$/.test(node.type)) return [];
    const given = childrenOf(node, 'arguments');
    const [before, last] = given.slice(-2);
    if (given.length < 2 || !before || !last || !/^(Object|Literal)/.test(last.type)) return [];
    if (isString(last) && isAboutErrors(node)) return [];
    return [{ start: before.end, end: last.end, text: '' }];
  },
  optional({ node, parents }, text) {
    if (node.type !== 'MemberExpression' || node.optional !== true || parents[0]?.type === 'TSNonNull') return [];
    const at = text.indexOf('?.', childOf(node, 'object')?.end ?? node.start);
    return node.computed === true ? [] : [{ start: at, end: at + 2, text: '.' }];
  },
  list({ node }) {
    return node.type === 'ArrayExpression' && childrenOf(node, 'elements').length > 0 ? [replaced(node, '[]')] : [];
  },
};

const comparisons: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
};

const otherMethods: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  min: 'max',
  max: 'min',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  toLowerCase: 'toUpperCase',
  toUpperCase: 'toLowerCase',
};

const passedBy = new Set(['filter', 'slice', 'trim', 'sort', 'toSorted', 'toReversed', 'reverse', 'replace', 'unref']);

/** Prose for people, names of settings and of modules: their text is not behaviour. */
function isObservable(node: SyntaxNode, parents: readonly SyntaxNode[]): boolean {
  const [parent] = parents;
  if (childOf(parent, 'key') === node && parent?.computed !== true) return false;
  if (parent?.type === 'ImportExpression' || childOf(parent, 'source') === node) return false;
  if (parent?.type === 'TaggedTemplateExpression') return false;
  // A name compared with `typeof` or in a list of TypeScript's cases cannot become another one.
  if (parent?.type === 'BinaryExpression' && /typeof/.test(String(childOf(parent, 'left')?.operator))) return false;
  return !parents.some((each) => isAboutErrors(each));
}

/**
 * An async function that returns a promise behaves like one that awaits it first, unless an enclosing `try` sees its
 * end.
 */
function isReturned(node: SyntaxNode, [parent, ...around]: readonly SyntaxNode[]): boolean {
  if (parent?.type === 'ConditionalExpression' && childOf(parent, 'test') !== node) return isReturned(parent, around);
  if (parent?.type === 'ArrowFunctionExpression') return childOf(parent, 'body') === node;
  const ends = around.find(({ type }) => /Function|TryStatement/.test(type));
  return parent?.type === 'ReturnStatement' && ends?.type !== 'TryStatement';
}

function isAboutErrors(node: SyntaxNode): boolean {
  const callee = childOf(node, 'callee');
  if (node.type === 'NewExpression') return /Error$/.test(String(callee?.name));
  if (node.type !== 'CallExpression') return false;
  const object = childOf(callee, 'object');
  const name = String(object?.name ?? childOf(object, 'property')?.name);
  return name === 'log';
}

function isString(node: SyntaxNode | undefined): node is SyntaxNode {
  return node?.type === 'TemplateLiteral' || (node?.type === 'Literal' && typeof node.value === 'string');
}

function replaced({ start, end }: SyntaxNode, text: string): Omit<Change, 'operator'> {
  return { start, end, text };
}

/** Replaces the operator between the two sides of an expression. */
function between(node: SyntaxNode, text: string, other: string): Omit<Change, 'operator'> {
  const from = childOf(node, 'left')?.end ?? node.start;
  const start = text.indexOf(node.operator as string, from);
  return { start, end: start + (node.operator as string).length, text: other };
}

function swap(text: string, one: string, other: string): string {
  return text.includes(one) ? text.replace(one, other) : text.replace(other, one);
}

function of({ start, end }: SyntaxNode, text: string): string {
  return text.slice(start, end);
}

function typeOf(node: SyntaxNode | undefined): string {
  return node?.type ?? '';
}
