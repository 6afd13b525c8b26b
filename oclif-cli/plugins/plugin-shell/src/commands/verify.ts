import { Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { LineWriter } from "fastkv-cli/kit/output";
import { maintain } from "../maintenance/maintain.js";
import { findingLine, summaryOf } from "../maintenance/report-text.js";

export default class Verify extends Command {
  static override description = [
    "Read every file of a database that nobody has open, and print what is wrong: which file, where, which keys.",
    "Changes nothing. Exit code 0: sound; 1: damaged; 2: it cannot be examined (open elsewhere, no database, ...).",
  ].join("\n");
  static override examples = [
    "<%= config.bin %> verify --path ./my_database",
    "<%= config.bin %> verify --path ./my_database --json",
  ];
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    json: Flags.boolean({ description: "print the report as JSON" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Verify);
    const report = await maintain("Verifying", async (options) => {
      const { verify } = await import("fastkv");
      return verify(flags.path, { ...options, allowSharedFolder: flags["allow-shared-folder"] });
    });
    const output = new LineWriter(process.stdout);
    if (flags.json) {
      output.say(JSON.stringify(report, undefined, 2));
    } else {
      for (const finding of report.findings) {
        output.say(findingLine(finding));
      }
      output.say(summaryOf(report));
      if (!report.isSound) {
        output.say("Restore a backup, or salvage what can be read with fastkv repair.");
      }
    }
    await output.flush();
    process.exitCode = report.isSound ? exitCode.ok : exitCode.failed;
  }
}
