// Prints `N passed, N failed` from vitest's JSON report and the fault suite's counts. Exit code 1 unless something
// passed in both, nothing failed and both runners were content: a run without tests proves nothing.
import { readFileSync } from 'node:fs';

const [reportFile, runnerStatus, countsFile, faultsStatus] = process.argv.slice(2);
const tests = count(readJson(reportFile, 'the tests')?.testResults ?? []);
const faults = readJson(countsFile, 'the fault suite') ?? { passed: 0, failed: 0, notRun: 0 };
console.log(`tests: ${tests.passed} passed, ${tests.failed} failed`);
console.log(`scenarios: ${faults.passed} passed, ${faults.failed} failed, ${faults.notRun} not run here`);
const passed = tests.passed + faults.passed;
const failed = tests.failed + faults.failed;
console.log(`${passed} passed, ${failed} failed`);
const content = runnerStatus === '0' && faultsStatus === '0';
process.exitCode = content && tests.passed > 0 && faults.passed > 0 && failed === 0 ? 0 : 1;

function readJson(file, of) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`no report of ${of}: ${error.message}`);
    return null;
  }
}

/** A file that could not even be loaded has no tests in the report: it counts as one that failed. */
function count(files) {
  const tests = files.flatMap((file) => file.assertionResults);
  const unloaded = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const withStatus = (status) => tests.filter((test) => test.status === status).length;
  return { passed: withStatus('passed'), failed: withStatus('failed') + unloaded.length };
}
