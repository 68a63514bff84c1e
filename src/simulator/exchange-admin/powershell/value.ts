/** A cmdlet's output object: properties by name. */
export type Row = Readonly<Record<string, unknown>>;

/** A variable's value. */
export type Value = string | number | boolean | null | Row | readonly Value[];

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isRow(value: Value): value is Row {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** Whether a value is true as a condition (about_Booleans). */
export function isTrue(value: Value): boolean {
  if (!isList(value)) return Boolean(value);
  return value.length === 1 ? isTrue(value[0] ?? null) : value.length > 1;
}

/** A value as text. */
export function textOf(value: Value): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (isList(value)) return value.map(textOf).join(' ');
  return isRow(value) ? textOf((value.Identity as Value | undefined) ?? '') : String(value);
}

/** `-eq`: text is compared case-insensitively. */
export function isEqual(left: Value, right: Value): boolean {
  if (left === null || right === null) return left === right;
  return textOf(left).toLowerCase() === textOf(right).toLowerCase();
}

/** A property, by case-insensitive name; `$null` for values without properties. */
export function propertyOf(value: Value, name: string): Value {
  const wanted = name.toLowerCase();
  if (isList(value)) return wanted === 'count' || wanted === 'length' ? value.length : null;
  if (!isRow(value)) return null;
  const key = Object.keys(value).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? null : (value[key] as Value);
}
