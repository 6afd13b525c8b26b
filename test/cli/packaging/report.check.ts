/** The benchmark's report in a real headless browser: `npm run test:browser`, with Chromium or Chrome installed. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { workloadNames } from "fastkv-plugin-benchmark/workload-names";
import { Workspace } from "../support/cli.js";

const timeoutMs = 180_000;
const browsers = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/** Runs in the page, and leaves what it finds in the title. */
const probe = `
  const texts = [...document.querySelectorAll("svg text")].filter((text) => text.getBoundingClientRect().width > 0);
  const outside = texts.filter((text) => {
    const box = text.getBoundingClientRect();
    const chart = text.closest("svg").getBoundingClientRect();
    return box.left < chart.left - 1 || box.right > chart.right + 1 || box.bottom > chart.bottom + 1;
  });
  const drawn = [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().height > 50).length;
  const bars = [...document.querySelectorAll("rect.bar")].filter((bar) => bar.getBoundingClientRect().width > 0).length;
  const lines = [...document.querySelectorAll("path.line")].filter((line) => line.getTotalLength() > 100).length;
  document.title = JSON.stringify({ drawn, bars, lines, texts: texts.length,
    outside: outside.map((text) => text.textContent), wide: document.documentElement.scrollWidth > innerWidth,
    requests: performance.getEntriesByType("resource").length });
`;

describe("the benchmark's report", function () {
  this.timeout(timeoutMs);
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  it("shows all its charts in a browser, and asks the network for nothing", async () => {
    const { code, stderr } = await workspace.run([
      "benchmark",
      "--records",
      "5000",
      "--report",
      "report.html",
    ]);
    expect(code, stderr).to.equal(0);
    const page = await readFile(workspace.path("report.html"), "utf8");
    // The page forbids scripts: for the probe that rule is taken out.
    const probed = page
      .replace(/<meta http-equiv[^>]*>/, "")
      .replace("</body>", `<script>${probe}</script></body>`);
    writeFileSync(workspace.path("probed.html"), probed);
    const dom = openInBrowser(pathToFileURL(workspace.path("probed.html")).href);
    const title = /<title>(.*?)<\/title>/s.exec(dom)![1]!.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
    const seen = JSON.parse(title) as Record<string, unknown>;
    const count = workloadNames.length;
    expect(seen).to.deep.include({
      drawn: count + 2,
      bars: count,
      lines: count,
      outside: [],
      wide: false,
      requests: 0,
    });
  });
});

function openInBrowser(url: string): string {
  for (const browser of browsers) {
    try {
      return execFileSync(
        browser,
        ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,800", "--dump-dom", url],
        { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 60_000 },
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        throw error;
      }
    }
  }
  throw new Error(`No browser found; install one of ${browsers.join(", ")}`);
}
