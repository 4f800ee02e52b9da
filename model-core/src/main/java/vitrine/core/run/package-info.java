/// The store of training runs: what was asked, how far it got, every figure of every step.
///
/// Start with [vitrine.core.run.RunStore], a SQLite file (write-ahead log) beside a folder per run. The folder holds the truth (`task.json`, saved
/// steps, the result with its manifest); the file is an index of it and can be made again from the folders.
package vitrine.core.run;
