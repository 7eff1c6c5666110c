/** Draws horizontal bars as SVG: readable in light and dark, without a library. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Text at the end of the bar. */
  readonly text: string;
  /** `own`: Tidings; `floor`: what bounds it; `other`: what it is compared with. */
  readonly kind: 'own' | 'floor' | 'other';
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** A line across: the target. */
  readonly limit?: { readonly value: number; readonly text: string };
}

export interface BarChart {
  readonly title: string;
  /** What is shown and which way is better. */
  readonly subtitle: string;
  readonly groups: readonly BarGroup[];
}

const size = { width: 720, left: 220, right: 110, bar: 22, gap: 8, head: 58, groupHead: 26, groupGap: 18 };

/** @returns a whole SVG file. Each group has its own scale, from 0. */
export function drawBarChart({ title, subtitle, groups }: BarChart): string {
  const parts: string[] = [];
  let y = size.head;
  for (const group of groups) {
    parts.push(`<text class="strong" x="0" y="${y + 14}">${escaped(group.title)}</text>`);
    y += size.groupHead;
    y = drawGroup(group, y, parts) + size.groupGap;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 0 ${size.width + 32} ${y}" role="img" aria-label="${escaped(title)}">
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:16px}.title,.strong{font-weight:600}.soft{fill:#59636e}
.own{fill:#0969da}.other{fill:#afb8c1}.floor{fill:none;stroke:#59636e;stroke-dasharray:3 2}.limit{stroke:#cf222e;stroke-dasharray:4 3}
.back{fill:#fff}.value{stroke:#fff;stroke-width:4px;paint-order:stroke}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}.own{fill:#4493f8}.other{fill:#656c76}.back{fill:#0d1117}.value{stroke:#0d1117}}
</style>
<rect class="back" x="-16" width="${size.width + 32}" height="${y}"/>
<text class="title" x="0" y="24">${escaped(title)}</text>
<text class="soft" x="0" y="44">${escaped(subtitle)}</text>
${parts.join('\n')}
</svg>
`;
}

function drawGroup({ bars, limit }: BarGroup, top: number, parts: string[]): number {
  const longest = Math.max(...bars.map((bar) => bar.value), limit?.value ?? 0, Number.MIN_VALUE);
  const scale = (value: number) => (value / longest) * (size.width - size.left - size.right);
  const bottom = top + bars.length * (size.bar + size.gap);
  const values: string[] = [];
  let y = top;
  for (const bar of bars) {
    const width = Math.max(1, scale(bar.value)).toFixed(1);
    const middle = y + size.bar / 2 + 5;
    parts.push(
      `<text x="${size.left - 10}" y="${middle}" text-anchor="end"${bar.kind === 'own' ? ' class="strong"' : ''}>${escaped(bar.label)}</text>`,
      `<rect class="${bar.kind}" x="${size.left}" y="${y}" width="${width}" height="${size.bar}" rx="2"/>`,
    );
    const end = (size.left + Number(width) + 8).toFixed(1);
    values.push(`<text class="value" x="${end}" y="${middle}">${escaped(bar.text)}</text>`);
    y += size.bar + size.gap;
  }
  if (limit) {
    const x = (size.left + scale(limit.value)).toFixed(1);
    parts.push(
      `<line class="limit" x1="${x}" y1="${top - 6}" x2="${x}" y2="${bottom}"/>`,
      `<text class="soft" x="${x}" y="${top - 10}" text-anchor="middle">${escaped(limit.text)}</text>`,
    );
  }
  parts.push(...values);
  return y;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('`', '');
}
