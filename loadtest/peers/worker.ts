/** The client process of the benchmark, which speaks the peers' dialects too. */
import '../bench/worker.ts';
