import { sentinelRedis } from './backends.ts';
import { contract } from './contract.ts';

contract(sentinelRedis());
