/// Two models against each other on the same tokens: next-token distributions, attention, predictions layer by layer, and what their tensors differ in.
///
/// Throughout, A is the first model and B the second, and a change is B minus A.
package vitrine.core.analysis.compare;
