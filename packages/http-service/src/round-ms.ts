/** To a hundredth of a millisecond: a log needs no more. */
export function roundMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}
