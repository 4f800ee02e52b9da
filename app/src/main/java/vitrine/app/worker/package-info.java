/// The embedded engine's worker process: reads requests, runs tasks, prints events.
package vitrine.app.worker;
