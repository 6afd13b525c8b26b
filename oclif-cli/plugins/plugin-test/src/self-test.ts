/** What one test of the self-test is, and what it gets. */

export interface SelfTest {
  name: string;
  /** Throws what was expected and what was seen. `folder` is empty, and is removed afterwards. */
  run(folder: string): Promise<void>;
}
