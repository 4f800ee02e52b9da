/// Matrix products straight from a checkpoint's memory map, by oneDNN.
package vitrine.core.tensor.onednn;
