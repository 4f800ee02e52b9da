/// What a checkpoint is made of: family, parts, sizes, memory need, what is odd about it; and the values of its tensors.
///
/// [vitrine.core.analysis.anatomy.Anatomy] reads headers and small files only. [vitrine.core.analysis.anatomy.TensorStatistics]
/// reads a tensor's data and belongs into worker processes.
package vitrine.core.analysis.anatomy;
