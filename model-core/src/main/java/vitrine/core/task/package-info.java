/// What a user asks for, as data: nothing here can run it.
///
/// A [vitrine.core.task.Task] is one JSON object: the window writes it from a form, the command line from options, a script
/// by hand. [vitrine.core.work.TaskRunner] runs it in a worker's process and writes an artifact.
/// A task's result depends on nothing but the task and its inputs ([vitrine.core.task.TaskInputs]).
///
/// JSON schema: `schemas/task.schema.json` of the resources.
package vitrine.core.task;
