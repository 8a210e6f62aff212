/** The client process of the modes that use the benchmark's nodes and loads. */
import '../bench/worker.ts';
