/** With the flag `u`, a surrogate matches only if it is alone. */
const loneSurrogate = /\p{Surrogate}/u;

/** Returns true if the string contains half a surrogate pair, which UTF-8 cannot express. */
export function isIllFormed(text: string): boolean {
  return loneSurrogate.test(text);
}
