// One attack, in a thread of its own, which runs when nobody else wants to: other machines do not take the server's time.
import os from 'node:os';
import { workerData } from 'node:worker_threads';
import { attacks } from './attacks.mjs';

os.setPriority(0, os.constants.priority.PRIORITY_LOW);
await attacks[workerData.attack](workerData);
process.exit();
