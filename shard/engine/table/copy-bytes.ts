/** Up to this length a loop is faster than a call into native code. */
const loopLimitBytes = 48;

/** Copies `source[start..end)` to `target` at `offset`. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): void {
  if (end - start > loopLimitBytes) {
    target.set(source.subarray(start, end), offset);
    return;
  }
  for (let from = start, to = offset; from < end; from += 1, to += 1) {
    target[to] = source[from]!;
  }
}
