// Runs one program of this folder that is not a test of vitest: node test/run.mjs faults/run.ts --short
import { runProgram } from './support/program.mjs';

await runProgram(import.meta.dirname);
