/** Colours, on a terminal only. NO_COLOR and FORCE_COLOR are respected (by Node's own `hasColors`). */

import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export function paint(stream: NodeJS.WriteStream, style: Style, text: string): string {
  return stream.isTTY && stream.hasColors() ? styleText(style, text) : text;
}
