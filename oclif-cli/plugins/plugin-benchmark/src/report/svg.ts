/** The parts of SVG that the charts need: elements with attributes, escaped text, scales and ticks. */

export type Attributes = Record<string, string | number>;

export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const list = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escapeMarkup(shortNumber(value))}"`,
  );
  return `<${name}${list.join("")}>${children.join("")}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element("text", attributes, escapeMarkup(content));
}

export function escapeMarkup(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function shortNumber(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
}

/** Maps a value to a position on an axis. */
export type Scale = (value: number) => number;

export function linearScale(from: number, to: number, start: number, end: number): Scale {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

export function logScale(from: number, to: number, start: number, end: number): Scale {
  const linear = linearScale(Math.log10(from), Math.log10(to), start, end);
  return (value) => linear(Math.log10(Math.max(value, from)));
}

/** Round numbers from 0 to at least `most`: 1, 2 or 5 times a power of ten apart. */
export function niceTicks(most: number, count = 5): number[] {
  const rough = Math.max(most, Number.EPSILON) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const ticks: number[] = [];
  for (let index = 0; ; index++) {
    ticks.push(index * step);
    if (index * step >= most) {
      return ticks;
    }
  }
}
