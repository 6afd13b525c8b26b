/** `1 finding`, `3 findings`, `2 logged batches`: the plural is the word with an `s`, unless it is given. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}
