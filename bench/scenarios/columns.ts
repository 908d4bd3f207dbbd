import { median } from '../table';
import type { RunFigures } from './figures';

/** A figure of the report. */
export interface Column {
  readonly title: string;
  readonly of: (figures: RunFigures) => number | null;
  /** Digits after the point. */
  readonly digits: number;
  readonly percent?: boolean;
  /** What is shown where there is none. */
  readonly none?: string;
  /** What is better, for columns in which clients compete. Differences below `within` are none; nor are 10 %. */
  readonly better?: 'less' | 'more';
  readonly within?: number;
  /** Who fails more is not better by this: what is not answered is neither slow nor dear. */
  readonly ofAnswers?: boolean;
}

const competing = { better: 'less' } as const;

/** Of every scenario, in this order. */
export const commonColumns = {
  asked: { title: 'asked', of: (run) => run.asked, digits: 0 },
  'failed reads': {
    title: 'failed reads',
    of: (run) => run.failedReads,
    digits: 0,
    ...competing,
    within: 0.5,
  },
  'healthy p99': { title: 'healthy p99 ms', of: (run) => run.healthyP99Ms, digits: 1 },
  p50: { title: 'p50 ms', of: (run) => run.p50Ms, digits: 1 },
  p99: {
    title: 'p99 ms',
    of: (run) => run.p99Ms,
    digits: 1,
    ...competing,
    within: 2,
    ofAnswers: true,
  },
  'p99.9': { title: 'p99.9 ms', of: (run) => run.p999Ms, digits: 1 },
  max: { title: 'max ms', of: (run) => run.maxMs, digits: 0 },
  'p99 ratio': { title: 'p99 ÷ healthy', of: p99Ratio, digits: 1 },
  amplification: {
    title: 'arrivals ÷ asked',
    // Not to send what is asked for is no advantage; failures tell it.
    of: (run) => run.amplification,
    digits: 2,
  },
  cpu: {
    title: 'CPU s / 1,000',
    of: (run) => run.cpuSecondsPer1000,
    digits: 2,
    ...competing,
    within: 0.02,
    ofAnswers: true,
  },
} as const satisfies Record<string, Column>;

/** Of scenarios with writes, after the failed reads. */
export const writeColumns = {
  'failed puts': {
    title: 'failed PUT',
    of: (run) => run.failedPuts,
    digits: 0,
    ...competing,
    within: 0.5,
  },
  'failed posts': {
    title: 'failed POST, unsent',
    of: (run) => run.failedPostsUnsent,
    digits: 0,
    ...competing,
    within: 0.5,
  },
  'lost posts': { title: 'failed POST, sent', of: (run) => run.failedPostsSent, digits: 0 },
  'posts twice': {
    title: 'POST done twice',
    of: (run) => run.postsTwice,
    digits: 0,
    ...competing,
    within: 0.5,
  },
} as const satisfies Record<string, Column>;

/** Of the scenarios that name them. */
export const extraColumns = {
  'slower than 500 ms': {
    title: 'slower than 500 ms',
    of: (run) => run.slowerThan500Ms,
    digits: 0,
    ...competing,
    within: 2,
    ofAnswers: true,
  },
  'marked share': {
    title: 'share of the marked',
    of: (run) => run.markedShare,
    digits: 1,
    percent: true,
  },
  'first use': {
    title: 'first use after ms',
    of: (run) => run.firstUseMs,
    digits: 0,
    none: 'never',
    ...competing,
    within: 100,
  },
  'half of its share': {
    title: 'half of its share after ms',
    of: (run) => run.halfShareMs,
    digits: 0,
    none: 'never',
    ...competing,
    within: 250,
  },
  'last failure after': {
    title: 'last failure after ms',
    of: (run) => run.lastFailureMs,
    digits: 0,
    ...competing,
    within: 250,
  },
  'failed in the dark': { title: 'failed in the dark', of: (run) => run.darkFailed, digits: 0 },
  'answered a second': {
    title: 'answered a second',
    of: (run) => run.answeredPerSecond,
    digits: 0,
    better: 'more',
    within: 5,
  },
  'least share': {
    title: 'least share at the end',
    of: (run) => run.leastShare,
    digits: 0,
    percent: true,
  },
  'most share': {
    title: 'most share at the end',
    of: (run) => run.mostShare,
    digits: 0,
    percent: true,
  },
} as const satisfies Record<string, Column>;

export type ColumnName = keyof typeof extraColumns;

export function p99Ratio({ p99Ms, healthyP99Ms }: RunFigures): number | null {
  return p99Ms === null || healthyP99Ms === null ? null : p99Ms / healthyP99Ms;
}

/** Of the runs that have the figure; `null` if most have none. */
export function medianOf({ of }: Column, runs: readonly RunFigures[]): number | null {
  const value = median(runs.map((run) => of(run) ?? Infinity));
  return Number.isFinite(value) ? value : null;
}

export function cell(column: Column, value: number | null): string {
  if (value === null) return column.none ?? '–';
  return column.percent === true
    ? `${(value * 100).toFixed(column.digits)} %`
    : value.toFixed(column.digits);
}

/** Whether one value is better than another one by more than noise. */
export function isBetter(column: Column, one: number | null, other: number | null): boolean {
  const { better, within = 0 } = column;
  if (better === undefined) return false;
  const [a, b] = [one, other].map((value) => value ?? (better === 'less' ? Infinity : 0));
  if (a === undefined || b === undefined) return false;
  const lead = better === 'less' ? b - a : a - b;
  return lead > within && lead > 0.1 * Math.max(a, b === Infinity ? 0 : b);
}
