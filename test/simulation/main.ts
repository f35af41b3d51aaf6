import { install } from './host.ts';

install();
const { simulate } = await import('./simulate.ts');
process.exitCode = await simulate(process.argv.slice(2));
