/** The official suite has no types of its own: what is used of it here. */
declare module "abstract-level/test/index.js" {
  import type tape from "tape";

  export default function suite(options: {
    test: (name: string, run: tape.TestCase) => void;
    factory: (options?: object) => object;
  }): void;
}
