// One attack, in a thread of its own.
import { workerData } from 'node:worker_threads';
import { attacks } from './attacks.mjs';

await attacks[workerData.attack](workerData);
process.exit();
