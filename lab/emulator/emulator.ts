/** The lab's AWS: moto in a virtual environment of its own, put right by `repairs/`, on loopback. */
export { provideEmulator } from './virtual-environment.ts';
export type { EmulatorProvided, EmulatorUnavailable, ProvideEmulatorOptions } from './virtual-environment.ts';
export { startEmulator } from './emulator-process.ts';
export type { Emulator, EmulatorExit, EmulatorNotStarted, StartEmulatorOptions } from './emulator-process.ts';
