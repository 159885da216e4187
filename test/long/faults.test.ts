/** What npm test does in seconds, for longer: floods for a minute, a process that is stopped for a minute. */
process.env['BOOTD_TEST_LONG'] = '1';
await import('../system/host-faults.test.ts');
await import('../system/hostile-clients.test.ts');

export {};
