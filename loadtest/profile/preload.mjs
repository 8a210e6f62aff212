// Preloaded into a node (NODE_OPTIONS=--import=…/profile.mjs): from SIGUSR2 on records where its processor time goes,
// and writes PROFILE_FOLDER/node-<pid>.cpuprofile when it ends. Node 20 allows --cpu-prof on the command line only.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 500 });
process.once('SIGUSR2', () => session.post('Profiler.start'));
process.on('exit', () => {
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    const file = join(process.env.PROFILE_FOLDER ?? '.', `node-${process.pid}.cpuprofile`);
    writeFileSync(file, JSON.stringify(result.profile));
  });
});
