/** Rows of text, the first column to the left and the others to the right, under a header. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(header), rule, ...rows.map(line)].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}

/** `0.78 (aim 0.75: met)` */
export function againstAim(value: number, aim: { least: number } | { most: number }): string {
  const [limit, met] =
    'least' in aim ? [aim.least, value >= aim.least] : [aim.most, value <= aim.most];
  return `${value.toFixed(2)} (aim ${'least' in aim ? '≥' : '≤'} ${limit}: ${met ? 'met' : 'MISSED'})`;
}
