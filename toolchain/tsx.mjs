// `node --import ./toolchain/tsx.mjs FILE.ts`: tsx without its cache, which is a folder of a known name in the temporary folder. Another user of the machine can make
// that folder first, and what lies there would be run.
process.env.TSX_DISABLE_CACHE = '1';
await import('tsx');
