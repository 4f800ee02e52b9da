/// Benchmarks of the finished program, run by `mvn -Pbench`: whole commands, their memory, their start, and the window's frames.
///
/// Start with [vitrine.bench.Benchmarks]. Contenders take turns, each round in the other order, so that whatever else the machine does
/// meets both; tables give medians and the ratio of medians. `docs/benchmarks.md` says how to repeat them.
package vitrine.bench;
