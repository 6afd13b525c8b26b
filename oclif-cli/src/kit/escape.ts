/** Makes any text safe to print: nothing in a key, a value or an error message may control the terminal. */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, characters that change the writing direction,
 * invisible ones, and lone surrogates.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/**
 * Replaces each unsafe character by `\uXXXX`, which JSON strings, JavaScript and the shell's `$'...'` all read back.
 */
export function escapeControls(text: string): string {
  return text.replace(unsafe, unicodeEscape);
}

/** The same, but keeps line ends: for text of several lines that we formatted ourselves. */
export function escapeControlsInLines(text: string): string {
  return text.replace(unsafe, (character) => (character === "\n" ? character : unicodeEscape(character)));
}

export function hasUnsafeCharacters(text: string): boolean {
  return text.search(unsafe) !== -1;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
