/// What is done for each kind of task: one package per kind, with a `…Run` where it begins. [vitrine.core.work.TaskRunner] knows them all;
/// none of them knows it.
///
/// A kind of work opens its inputs ([vitrine.core.work.input]), has the analyses, passes, trainers and pruning methods compute, and says what
/// came of it ([vitrine.core.work.output]).
package vitrine.core.work;
