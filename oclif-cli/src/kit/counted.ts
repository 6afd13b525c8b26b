/** `1 finding`, `3 findings`, `2 logged batches`: the plural of the last word has an `s`, or is given. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}
