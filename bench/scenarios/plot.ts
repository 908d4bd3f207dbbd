import { median } from '../table';
import { clientRows } from './client-rows';
import type { Bin } from './figures';
import { rowsOf, type Result } from './report';

const width = 760;
const left = 200;
const right = 10;
const top = 20;
const rowHeight = 56;
const gap = 10;
const [leastMs, mostMs] = [1, 2000];

/**
 * A time line for each client, as SVG: p99 as a line and p50 as a thin one, 1 ms to 2 s on a logarithmic scale, and red
 * bars for the share of requests that failed. Medians over the runs; time counts from the beginning of the fault, and
 * dashed lines are its beginning and its end.
 */
export function plotScenario(title: string, results: readonly Result[]): string {
  const rows = rowsOf(results).map(({ client, runs }) => ({
    label: clientRows[client]?.title.replaceAll('*', '') ?? client,
    bins: medianBins(runs.map(({ timeline }) => timeline)),
    healedAt: runs[0]?.healedAfterSeconds ?? null,
  }));
  const times = rows.flatMap(({ bins }) => bins.map(({ atSeconds }) => atSeconds));
  const [first, last] = [Math.min(...times), Math.max(...times) + binSeconds];
  const x = (seconds: number) =>
    left + ((seconds - first) / (last - first)) * (width - left - right);
  const height = top + rows.length * (rowHeight + gap) + 20;
  const parts = rows.map((row, i) => plotRow(row, { x, y: top + i * (rowHeight + gap) }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${left}" y="13">${title}: p99 (line), p50 (thin), failed (red)</text>`,
    ...parts,
    ...secondsAxis(first, last, x, height),
    '</svg>',
    '',
  ].join('\n');
}

const binSeconds = 0.5;

/** What there is to draw of a client. */
interface Line {
  readonly label: string;
  readonly bins: readonly Bin[];
  /** In seconds since the beginning of the fault. */
  readonly healedAt: number | null;
}

interface Place {
  readonly x: (seconds: number) => number;
  /** Upper edge. */
  readonly y: number;
}

function plotRow({ label, bins, healedAt }: Line, { x, y }: Place): string {
  const bottom = y + rowHeight;
  const yOf = (ms: number) => {
    const share =
      Math.log(Math.min(mostMs, Math.max(leastMs, ms)) / leastMs) / Math.log(mostMs / leastMs);
    return bottom - share * rowHeight;
  };
  // A bin without an answer is a gap.
  const line = (of: (bin: Bin) => number | null) =>
    bins
      .map((bin, i) => {
        const ms = of(bin);
        if (ms === null) return '';
        const before = bins[i - 1];
        const isFirst = before === undefined || of(before) === null;
        const at = `${x(bin.atSeconds + binSeconds / 2).toFixed(1)} ${yOf(ms).toFixed(1)}`;
        return `${isFirst ? 'M' : 'L'}${at}`;
      })
      .join('');
  const bars = bins
    .filter(({ failed }) => failed > 0)
    .map(({ atSeconds, failed }) => {
      // A single failure must be seen.
      const barHeight = Math.max(2, failed * rowHeight);
      const barWidth = x(binSeconds) - x(0) - 1;
      return `<rect x="${x(atSeconds).toFixed(1)}" y="${(bottom - barHeight).toFixed(1)}" width="${barWidth.toFixed(1)}" height="${barHeight.toFixed(1)}" fill="#e66"/>`;
    });
  return [
    `<rect x="${left}" y="${y}" width="${width - left - right}" height="${rowHeight}" fill="#f6f6f6"/>`,
    ...bars,
    ...[10, 100, 1000].map(
      (ms) =>
        `<path d="M${left} ${yOf(ms).toFixed(1)}H${width - right}" stroke="#ddd"/>` +
        `<text x="${left - 4}" y="${(yOf(ms) + 4).toFixed(1)}" text-anchor="end" fill="#888" font-size="8">${ms} ms</text>`,
    ),
    ...[0, healedAt]
      .filter((at) => at !== null)
      .map(
        (at) =>
          `<path d="M${x(at).toFixed(1)} ${y}V${bottom}" stroke="#444" stroke-dasharray="3 2"/>`,
      ),
    `<path d="${line(({ p50Ms }) => p50Ms)}" fill="none" stroke="#7aa6d8"/>`,
    `<path d="${line(({ p99Ms }) => p99Ms)}" fill="none" stroke="#124a8c" stroke-width="1.5"/>`,
    `<text x="4" y="${y + rowHeight / 2}">${label}</text>`,
  ].join('\n');
}

function secondsAxis(first: number, last: number, x: Place['x'], height: number): string[] {
  const step = last - first > 16 ? 4 : 2;
  const ticks: string[] = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
    ticks.push(
      `<text x="${x(at).toFixed(1)}" y="${height - 6}" text-anchor="middle">${at} s</text>`,
    );
  }
  return ticks;
}

/** Bin by bin over the runs that have it. */
function medianBins(timelines: readonly (readonly Bin[])[]): Bin[] {
  const times = [...new Set(timelines.flat().map(({ atSeconds }) => atSeconds))].sort(
    (a, b) => a - b,
  );
  return times.map((atSeconds) => {
    const bins = timelines.flat().filter((bin) => bin.atSeconds === atSeconds);
    const known = (of: (bin: Bin) => number | null) =>
      bins.map(of).filter((value) => value !== null);
    return {
      atSeconds,
      p50Ms: medianOrNull(known(({ p50Ms }) => p50Ms)),
      p99Ms: medianOrNull(known(({ p99Ms }) => p99Ms)),
      failed: median(bins.map(({ failed }) => failed)),
    };
  });
}

function medianOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values);
}
