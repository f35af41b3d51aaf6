import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded before an orchestrator that is measured: at its end it says how much memory that process had at most, in KiB. From outside it cannot
 * be told: what `wait` answers is the most of the process and of all its children.
 */
if (isMainThread) process.on('exit', () => writeFileSync(process.env.BENCH_PEAK_MEMORY, String(process.resourceUsage().maxRSS)));
