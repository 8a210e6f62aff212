// Preloaded into a node (NODE_OPTIONS=--import=…/preload.mjs): SIGUSR2 starts to record where its processor time goes,
// and the next one, or the end, writes it to PROFILE_FOLDER/node-<pid>-<number>.cpuprofile. Node 20 allows --cpu-prof on
// the command line only.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 500 });
let recording = false;
let written = 0;
process.on('SIGUSR2', () => {
  if (recording) write();
  else session.post('Profiler.start');
  recording = !recording;
});
process.on('exit', () => {
  if (recording) write();
});

function write() {
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    written += 1;
    const file = join(process.env.PROFILE_FOLDER ?? '.', `node-${process.pid}-${written}.cpuprofile`);
    // A reader that waits for the file finds all of it.
    writeFileSync(`${file}.part`, JSON.stringify(result.profile));
    renameSync(`${file}.part`, file);
  });
}
