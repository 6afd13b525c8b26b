import { expect } from "chai";

/** Control characters but for the line end of a stack, separators, characters that turn the direction, invisible ones. */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/;

const mostCharacters = 1000;

/** An error, with all its causes, says little, and nothing that could drive a terminal. */
export function expectSafeMessages(error: unknown, what: string): void {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { message } = current;
    expect(message.length, `${what}: ${message.slice(0, 300)}`).to.be.below(mostCharacters);
    expect(unsafe.exec(message), `${what}: ${JSON.stringify(message)}`).to.equal(null);
    expect(message.includes("\n"), `${what}: ${JSON.stringify(message)}`).to.equal(false);
  }
}
