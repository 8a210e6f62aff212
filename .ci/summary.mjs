// Prints `N passed, N failed` from vitest's JSON report. Exit code 1 unless something passed, nothing failed and the
// runner itself was content: a run without tests proves nothing.
import { readFileSync } from 'node:fs';

const [reportFile, runnerStatus] = process.argv.slice(2);
const { passed, failed } = count(readReport(reportFile));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = runnerStatus === '0' && passed > 0 && failed === 0 ? 0 : 1;

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).testResults;
  } catch (error) {
    console.log(`no report of the tests: ${error.message}`);
    return [];
  }
}

/** A file that could not even be loaded has no tests in the report: it counts as one that failed. */
function count(files) {
  const tests = files.flatMap((file) => file.assertionResults);
  const unloaded = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const withStatus = (status) => tests.filter((test) => test.status === status).length;
  return { passed: withStatus('passed'), failed: withStatus('failed') + unloaded.length };
}
