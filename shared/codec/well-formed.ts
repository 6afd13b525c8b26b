/** Under the flag `u` a surrogate matches only where it is alone. */
const loneSurrogate = /\p{Surrogate}/u;

/** True if the string holds half a surrogate pair, which UTF-8 cannot express. */
export function isIllFormed(text: string): boolean {
  return loneSurrogate.test(text);
}
