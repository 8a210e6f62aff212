// Preloaded into a node (NODE_OPTIONS=--import=…/collect.mjs): SIGUSR2 collects garbage, so that memory that is only
// waiting to be collected is not taken for what a connection needs, and writes what is left of the heap, in bytes, to
// HEAPS_FOLDER/<pid>.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const { HEAPS_FOLDER } = process.env;
process.on('SIGUSR2', () => {
  collect();
  if (HEAPS_FOLDER !== undefined)
    writeFileSync(join(HEAPS_FOLDER, `${process.pid}`), `${process.memoryUsage().heapUsed}`);
});
