/** The report's style sheet, for light and dark mode. */

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #68707c; --grid: #dfe3e8; --page: #ffffff; --main: #2f6fde;
  --box: #a9c5f7; --flush: #2a9d74; --compaction: #b07a1c; --stall: #d0402f; --purple: #8a4fc4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa3af; --grid: #333a44; --page: #14181d;
  --main: #6ea1ff; --box: #2d4a80; --flush: #4cc79a; --compaction: #e0aa4e; --stall: #ff7a68; --purple: #c08cf0; } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 900px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.2rem; font-size: 1.2rem; } h3 { margin: 1.4rem 0 0; font-size: 1rem; }
p { margin: .3rem 0; } .facts, section p { color: var(--soft); }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
.tick { fill: var(--soft) !important; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--grid); } .bar { fill: var(--main); } .line { stroke: var(--main); stroke-width: 1.5; }
.whisker { stroke: var(--soft); } .box { fill: var(--box); }
circle.mark { stroke: var(--page); }
circle.mark-0 { fill: var(--main); } circle.mark-1 { fill: var(--flush); } circle.mark-2 { fill: var(--compaction); }
circle.mark-3 { fill: var(--purple); } circle.mark-4 { fill: var(--stall); }
rect.activity-flush { fill: var(--flush); } rect.activity-compaction { fill: var(--compaction); }
rect.activity-stall { fill: var(--stall); }
.key { padding: 0 .35em; border-bottom: 3px solid; }
.key.mark-0 { border-color: var(--main); } .key.mark-1, .key.activity-flush { border-color: var(--flush); }
.key.mark-2, .key.activity-compaction { border-color: var(--compaction); } .key.mark-3 { border-color: var(--purple); }
.key.mark-4, .key.activity-stall { border-color: var(--stall); }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; }
`;
