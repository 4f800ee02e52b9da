/// What a user asks for, as data, and the code that does it.
///
/// A [vitrine.core.task.Task] is one JSON object: the window writes it from a form, the command line from options, a script
/// by hand. [vitrine.core.task.TaskRunner] runs it in this process, which should be a worker's, and writes an artifact.
/// A task's result depends on nothing but the task and its inputs.
///
/// JSON schema: `schemas/task.schema.json` of the resources.
package vitrine.core.task;
