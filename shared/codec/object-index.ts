/** Up to this many objects, comparing with each of them is faster than a Map. */
const maxSearched = 12;

/** Numbers objects in the order in which they occur, to write shared ones and cycles as references. */
export class ObjectIndex {
  readonly #first: object[] = [];
  #rest: Map<object, number> | undefined;
  #count = 0;

  /** Returns the number of a known object; -1 for a new one, which gets the next number. */
  add(value: object): number {
    const first = this.#first;
    for (let index = 0; index < first.length; index += 1) {
      if (first[index] === value) {
        return index;
      }
    }
    if (this.#count < maxSearched) {
      first.push(value);
    } else {
      this.#rest ??= new Map();
      const known = this.#rest.get(value);
      if (known !== undefined) {
        return known;
      }
      this.#rest.set(value, this.#count);
    }
    this.#count += 1;
    return -1;
  }

  clear(): void {
    this.#first.length = 0;
    this.#rest = undefined;
    this.#count = 0;
  }
}
