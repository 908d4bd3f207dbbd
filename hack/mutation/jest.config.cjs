const { projects } = require('../../jest.config.js');

const local = projects.find(({ displayName }) => displayName === 'local');

/** The unit tests of the policies. Simulations and property tests are left out: they take long for each change. */
module.exports = {
  ...local,
  rootDir: '../..',
  roots: ['<rootDir>/packages/service-client/src'],
  testMatch: ['**/src/{balancer,health,retry}/*.test.ts', '!**/*.property.test.ts'],
};
