// Preloaded into a node (NODE_OPTIONS=--import=…/collect.mjs): SIGUSR2 collects garbage, so that memory that is only
// waiting to be collected is not taken for what a connection needs.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => collect());
