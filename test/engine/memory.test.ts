import { memoryBackend } from './backends.ts';
import { contract } from './contract.ts';

contract(memoryBackend());
