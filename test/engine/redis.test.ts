import { singleRedis } from './backends.ts';
import { contract } from './contract.ts';

contract(singleRedis());
