/** Tables without borders: a header, rows, columns of numbers aligned to the right. */

import { paint } from "./style.js";

export interface Column {
  title: string;
  align?: "left" | "right";
}

/** Returns lines without a line end after the last. Cells are text that is safe to print. */
export async function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const blank = [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
  ].map((name) => [name, ""]);
  const table = new Table({
    head: columns.map((column) => paint(process.stdout, "bold", column.title)),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: { ...Object.fromEntries(blank), middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
