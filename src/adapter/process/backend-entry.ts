/** What a backend's process begins with. The program loads much, and is root meanwhile where the supervisor is. */

import './no-debugger.ts';

await import('./backend.ts');
