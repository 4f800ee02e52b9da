/// Processes that run tasks, and how the window and the command line talk to them.
///
/// Start with [vitrine.core.engine.Engine]: it takes a task and gives a [vitrine.core.engine.TaskHandle]. Behind it is a worker
/// process that reads requests and prints events, one JSON object a line (`schemas/event.schema.json` and
/// `schemas/request.schema.json` of the resources):
///
/// | to the worker | |
/// |---|---|
/// | `{"request":"run","id":1,"task":{...},"artifact":"PATH"}` | run a task, write its artifact there |
/// | `{"request":"cancel","id":1}` | give it up |
/// | `{"request":"stop"}` | end when the tasks asked for are done |
/// | the end of input | end at once: nobody listens any more |
///
/// | from the worker | |
/// |---|---|
/// | `hello` | once, first: protocol, engine, version, threads |
/// | `heartbeat` | every few seconds |
/// | `progress`, `metric`, `warning`, `log` | while task `id` runs |
/// | `result`, `error`, `cancelled`, `fault` | the end of task `id` |
///
/// Two engines speak this: [vitrine.core.engine.EmbeddedEngine], whose worker is a JVM, and [vitrine.core.engine.PythonEngine], whose worker is a Python of
/// the user's that [vitrine.core.engine.Pythons] has found.
///
/// Nothing a worker does or prints may harm its reader: lines are bounded, nonsense is counted, a result is believed when the
/// artifact is there, silence has a limit, and death is an event with a cause. Nothing here computes.
package vitrine.core.engine;
