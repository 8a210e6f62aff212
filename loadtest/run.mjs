// Runs one program of this folder: node loadtest/run.mjs bench/main.ts --seconds 5
import { runProgram } from '../test/support/program.mjs';

await runProgram(import.meta.dirname);
