/** One test of the self-test. */

export interface SelfTest {
  name: string;
  /** Throws an error that says what was expected and what was seen. `folder` is empty, and is removed afterwards. */
  run(folder: string): Promise<void>;
}
