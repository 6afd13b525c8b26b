import { Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
import { interruptible } from "fastkv-cli/kit/interrupt";

export default class Test extends Command {
  static override description =
    "Test the installed FastKV on a temporary database: crashes, batches, scans, encodings and more, in under a minute.";
  static override examples = ["<%= config.bin %> test", "<%= config.bin %> test --path /mnt/disk"];
  static override flags = {
    path: Flags.string({ char: "p", description: "folder in which to make the temporary databases" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Test);
    const { runTests } = await import("../runner.js");
    const { selfTests } = await import("../tests/index.js");
    const failed = await interruptible((signal) => runTests(selfTests, flags.path, signal));
    if (failed === 0) {
      process.stdout.write("All tests passed! ✅\n");
    } else {
      process.stdout.write(`${failed} of ${selfTests.length} tests failed ❌\n`);
      process.exitCode = exitCode.failed;
    }
  }
}
