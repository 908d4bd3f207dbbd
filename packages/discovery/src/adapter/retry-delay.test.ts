import { ManualClock } from '@movies/time/testing';
import { RetryDelay } from './retry-delay';
import { SourceFailure } from './source-failure';

const refused = new SourceFailure('refused', 'no');
const unreachable = new SourceFailure('unreachable', 'nobody is there');
const lost = new SourceFailure('lost', 'the connection broke');

function open(random = () => 1, restMs?: number) {
  const clock = new ManualClock();
  const retry = new RetryDelay({ clock, random, ...(restMs === undefined ? {} : { restMs }) });
  const after = (failure: SourceFailure, count: number, lastedMs = 0) =>
    Array.from({ length: count }, () => retry.next(failure, lastedMs));
  return { clock, retry, after };
}

describe('RetryDelay', () => {
  it('doubles its bound to 30 s for a registry that answers, to 5 s for one that does not', () => {
    const { after } = open();
    expect(after(refused, 7)).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
    expect(after(unreachable, 4)).toEqual([800, 1600, 3200, 5000]);
  });

  it('draws a delay between nothing and the bound', () => {
    expect(open(() => 0.25).after(refused, 2)).toEqual([200, 400]);
  });

  it('waits as long as the registry asks for, at most a minute; 0 is no time', () => {
    const { retry } = open();
    const asked = (retryAfterMs: number) =>
      retry.next(new SourceFailure('refused', 'later', { retryAfterMs }), 0);
    expect([asked(3000), asked(600_000), asked(0)]).toEqual([3000, 60_000, 3200]);
  });

  it('forgets failures after two minutes without one, and not sooner', async () => {
    const { clock, retry, after } = open();
    after(refused, 4);
    retry.succeeded();
    await clock.advance(119_999);
    retry.succeeded();
    expect(after(refused, 1)).toEqual([12_800]);
    retry.succeeded();
    await clock.advance(120_000);
    expect(after(refused, 1)).toEqual([800]);
  });

  it('forgets failures with the first success where the source asks for that', () => {
    const { retry, after } = open(undefined, 0);
    after(refused, 4);
    retry.succeeded();
    expect(after(refused, 1)).toEqual([800]);
  });

  it('begins anew for a connection that served before it broke', () => {
    const { after } = open();
    after(lost, 4);
    expect(after(lost, 3, 60_000)).toEqual([800, 800, 800]);
    expect(after(lost, 2)).toEqual([1600, 3200]);
  });
});
