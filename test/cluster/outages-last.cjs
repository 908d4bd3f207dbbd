/**
 * Order of the test files: a cluster's controllers, its DNS and its nodes' proxies take up to a minute to come back
 * after its API server, since each waits longer from try to try.
 */
const outages = /(api-server|control-plane)\.test\.ts$/;

module.exports = class OutagesLast {
  sort(tests) {
    const stopsIt = ({ path }) => outages.test(path);
    return tests.toSorted((a, b) => stopsIt(a) - stopsIt(b) || (a.path < b.path ? -1 : 1));
  }

  cacheResults() {
    // The order does not follow from the last run.
  }
};
