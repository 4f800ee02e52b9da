/// Conversions of whole checkpoints (`convert`): stacking, upcycling, interpolation, casts.
package vitrine.core.work.convert;
