import { getEventListeners } from 'node:events';
import { delay } from './delay';
import { ManualClock } from './testing/manual-clock';

const reason = new Error('no longer wanted');

describe('delay', () => {
  it('resolves when its time has passed, and not before', async () => {
    const clock = new ManualClock();
    const passed: string[] = [];
    void delay(1000, clock, new AbortController().signal).then(() => passed.push('delay'));
    await clock.advance(999);
    expect(passed).toEqual([]);
    await clock.advance(1);
    expect(passed).toEqual(['delay']);
  });

  it('rejects with the reason as soon as it is aborted, and leaves no timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const delayed = delay(1000, clock, controller.signal);
    controller.abort(reason);
    await expect(delayed).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('rejects at once when it was aborted before', async () => {
    const clock = new ManualClock();
    await expect(delay(1000, clock, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('leaves no listener at the signal', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const delayed = delay(1000, clock, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await clock.advance(1000);
    await delayed;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
