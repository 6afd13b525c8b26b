import { Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { LineWriter } from "fastkv-cli/kit/output";
import { maintain } from "../maintenance/maintain.js";
import { findingLine, repairSummary } from "../maintenance/report-text.js";

export default class Repair extends Command {
  static override description = [
    "Make a damaged database consistent again out of what can be read of it, and print what is lost.",
    "Files that it replaces are kept in a folder lost-<number> within the database; nothing is deleted. Where a newer",
    "value or a delete is lost, an older value may show: a backup is better, if there is one.",
    "Exit code 0: the database is sound now; 1: it still is damaged; 2: it cannot be repaired (open elsewhere, ...).",
  ].join("\n");
  static override examples = ["<%= config.bin %> repair --path ./my_database"];
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    json: Flags.boolean({ description: "print the report as JSON" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Repair);
    const report = await maintain("Repairing", async (options) => {
      const { repair } = await import("fastkv");
      return repair(flags.path, { ...options, allowSharedFolder: flags["allow-shared-folder"] });
    });
    const output = new LineWriter(process.stdout);
    if (flags.json) {
      output.say(JSON.stringify(report, undefined, 2));
    } else {
      for (const loss of report.losses) {
        output.say(`Lost: ${findingLine(loss)}`);
      }
      for (const line of repairSummary(report)) {
        output.say(line);
      }
    }
    await output.flush();
    process.exitCode = report.after.isSound ? exitCode.ok : exitCode.failed;
  }
}
