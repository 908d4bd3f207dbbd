// A rating server until its parent ends, or ends it. Tells the parent its port.
import { RatingServer } from './rating-server';

process.once('disconnect', () => {
  process.exit();
});
void RatingServer.start(process.argv[2] ?? 'rating').then(({ port }) => process.send?.(port));
