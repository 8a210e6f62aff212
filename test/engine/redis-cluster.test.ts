import { clusterRedis } from './backends.ts';
import { contract } from './contract.ts';

contract(clusterRedis());
